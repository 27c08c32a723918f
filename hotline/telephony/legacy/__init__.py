"""Captures of any PBX, Asterisk 1.4 to 22, as our messages. Pure.

The AMI of Asterisk 11 and older has other events (Join, Dial, Bridge, Rename), other headers, no Linkedid and mostly
no Timestamp; a dialplan that is not ours states none of our facts. `Translator` takes a capture's blocks and gives
what our own Asterisk would have said of the same calls. Used by hotline.replay alone: service reads its own PBX only.

`switchboard` who is there and who hears whom · `desk` one capture's state, its clock, what is to be said · `calls`,
`queues` what each event means · `recognition` who is the caller, on which line, which way.
"""

from hotline.telephony.legacy.translator import Translator

__all__ = ["Translator"]
