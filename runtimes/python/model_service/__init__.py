"""The contract between the platform and a model package's customize_service.py, and the server that runs it."""
