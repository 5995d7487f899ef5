import ArgumentParser
import NinePServeCommand

NinePServe.main()
