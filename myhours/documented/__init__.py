"""The tasks of `myhours.documented`: same names and arguments, as a documented configuration had them."""
