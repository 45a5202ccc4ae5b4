"""A long batch of large TIFFs over HTTP: does the portal's memory stay flat?"""
