"""The commands for a board on the desk: flash; leave, read and boards (`beside`); info, plan and
enter (`target`); install; script."""
