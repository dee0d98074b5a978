"""Pure rules: values and an aware time in, a decision with its reason out."""
