import CAgentStart
import CLinux
import GuestAgent

agent_start()
exit(InitProcess.run())
