import BuilddisksCommands
import SystemIO

TerminationSignals.block()
Builddisks.runToEnd()
