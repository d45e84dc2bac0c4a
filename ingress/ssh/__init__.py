"""SSH: between a client that thinks we are its host and a host whose client we are; asyncssh on both sides.

- `endpoint.py`: a client from its first byte: signing in, its session. `client_side.py`: what asyncssh asks
  about the client's connection. `page_code.py`: a sign-in through the gateway's page.
  `target_side.py`: the connection to the host; `certificates.py`: the gateway's own for it.
  `algorithms.py`: for both.
- `visit.py`: one signed-in client: asks for verdicts in its session, and tells the client what came of them.
- `judge.py`: what the client wants -> command; `ingress/shell/` proves what a command line does.
  `words.py`: what policy calls it. `reasons.py`: why the requester wants it.
- `channels.py`: a client's session channels, and what it is told beside their commands.
- `execution.py`: one command line, shell or subsystem, held until its verdict; `environment.py`: the
  variables that go with it. `start.py`: its process at the host; `run.py`: it runs.
  `answer.py`: what it writes, within its limits. `typed.py`: what of the input is
  recorded. `keyboard.py`: what the client typed before the command could run.
- `forwarding.py`: a connection that is made from the host. `inlet.py`: a way from the host to the client:
  `listening.py`: a port or socket that the host listens on; `lending.py`: the client's agent and display.
  `passage.py`: the bytes of all of these.
- `lines/`: an interactive shell whose every line is a command.
- `files.py`: SFTP and SCP: each operation a command; `file_commands.py` asks. `operations.py`: what one does.
  `open_file.py`: a file that is open; `contents.py`: what of it may leave; `upload.py`: how it is written
  under a rule that blocks; `kept.py`: what of it a recording gets, in the form of `transfers.py`.
  `host_files.py`: the host's own SFTP server.
- `refusal.py`: what the client is told. `doors.py`: whether the host can be entered past the gateway.
"""
