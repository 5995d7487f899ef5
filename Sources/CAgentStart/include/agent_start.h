#ifndef AGENT_START_H
#define AGENT_START_H
// Does nothing: calling it makes the linker keep this object file and so its constructor.
void agent_start(void);
#endif
