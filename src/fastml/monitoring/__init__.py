"""What a model is asked and answers in use, held against what it was trained on."""
