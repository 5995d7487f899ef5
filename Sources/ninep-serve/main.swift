print("ninep-serve")
