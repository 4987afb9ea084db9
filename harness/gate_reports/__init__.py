"""One file each; the folder is walked, and the file name is the public name."""
