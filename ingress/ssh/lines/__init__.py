"""An interactive shell whose every line is a command: the gateway edits it, asks about it, and then sends it.

- `shell.py`: one such shell: prompt, verdict, the program that runs, the next prompt. `prompt.py`: what the
  client types while the shell waits, up to a whole command. `display.py`: what the client is shown.
- `keys.py`: what a terminal sends -> keys. `editor.py`: keys -> a line, and what the terminal shows of it.
  `complete.py`: whether a command goes on in the next line.
- `driver.py`: what is sent to the host's shell; `driver.sh`, `start.sh`: its side. `marks.py`: what comes
  back -> output, and the shell's word that it waits.

What the client sends goes to a program, while one runs, or to the shell, as a line with a verdict. Which of
both it is the shell itself says, by keys that are for one turn.
"""
