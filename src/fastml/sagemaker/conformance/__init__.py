"""Whether an image, or what is installed here, keeps SageMaker's contract (docs/sagemaker.md).

`fastml sagemaker test` runs it. Nothing here knows how fastml trains or serves: a program is
started, told things in files, variables, signals and requests, and judged by what it leaves.
"""
