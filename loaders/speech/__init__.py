"""Speech in recordings: the sound in pieces, its words, and passages of them with their times."""
