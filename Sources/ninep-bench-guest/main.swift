import CAgentStart
import CLinux
import NinePGuest

agent_start()
exit(GuestBench.run())
