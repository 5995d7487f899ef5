print("builddisks")
