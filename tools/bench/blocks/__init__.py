"""The peripherals of a die: one small class for each behaviour that data cannot express."""
