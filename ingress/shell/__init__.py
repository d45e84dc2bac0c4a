"""A command line of a POSIX shell or bash -> which programs it starts, with what, and what they do.

- `facts.py`: a command line -> facts.
- `grammar.py`: tree-sitter's bash grammar; what of its tree is proven, piece by piece. `words.py`: what a
  word will be when the shell has expanded it; `script.py`: the pieces, as they are handed on.
- `programs.py`: the programs we know, with the options under which we know what they do; `catalogue.py` lists
  them. `wrappers.py`: programs that start other programs, unfolded; `readers/`: programs with a language
  of their own (sed, awk, find, git, rsync …).
- `terminal.py`: programs that take commands of their own at a terminal; what the shell does itself.
- `arguments.py`: arguments -> options and operands. `paths.py`: what a path is, and which hold credentials.
- `place.py`: where the command line runs. `findings.py`: what has been found so far.

What is not proven is `unknown`: a word that is computed, a program or an option that is not listed, a
construct of the shell that can do more than it shows.
"""

EXEC = "exec"
"""What policy calls a command line, as a kind of statement."""

INTERACTIVE = "interactive"
"""A program that takes commands of its own from the terminal, which are not seen."""
