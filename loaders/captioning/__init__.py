"""What is seen in a picture, in words: BLIP, OCR, and their fusion with what people wrote."""
