"""SageMaker's contract of a container that brings its own training (docs/sagemaker.md).

`python -m fastml.sagemaker train` is what the image runs.
"""
