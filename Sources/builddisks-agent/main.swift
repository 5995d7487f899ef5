import CAgentStart

agent_start()
