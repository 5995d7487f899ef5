import ArgumentParser
import NinePServeCommand

NinePServe.runToEnd()
