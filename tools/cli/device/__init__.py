"""The commands for the board at --device: flash; leave, read and boards (`beside`); info, plan and
enter (`target`); install; script."""
