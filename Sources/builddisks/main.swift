import ArgumentParser
import BuilddisksCommands
import SystemIO

TerminationSignals.block()
Builddisks.main()
