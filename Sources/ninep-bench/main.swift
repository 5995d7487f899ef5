import ArgumentParser
import NinePBench

BenchCommand.main()
