"""What people already have, read without running it: Hugging Face config.json files, training configs."""
