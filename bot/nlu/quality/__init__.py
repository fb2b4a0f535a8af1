"""How good the NLU is, and what is wrong with its data: the commands of `yingda nlu`."""
