"""Files in and out. read.py: pictures, sound, video; write.py: a video; provenance.py: what it says of its origin."""
