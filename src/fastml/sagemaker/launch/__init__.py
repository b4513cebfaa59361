"""The launcher: from a project file to jobs, endpoints and schedules on SageMaker.

What is asked for is made into a plan (`plan`), which is printed before anything is done and then
carried out in one place (`cloud`). All else is functions from settings to requests.
"""
