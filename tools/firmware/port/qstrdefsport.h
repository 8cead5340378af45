// *FORMAT-OFF*
Q(/)
Q(/lib)
