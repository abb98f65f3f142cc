"""A reader process with a decoder that crashes, spins, waits …, as the file's last byte says."""

import os
import signal
import time

import numpy as np

from engine.vision.images import reader_process
from engine.vision.images.wire import Arrays, Words


def picture(words: Words, arrays: Arrays) -> reader_process.Reply:
    match arrays.pop().tobytes()[-1:]:
        case b"c":
            os.abort()
        case b"s":
            while True:
                pass
        case b"k":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"l":
            time.sleep(60)
        case b"e":
            os._exit(3)
        case b"m":
            return {"size": len(bytearray(10**11))}, []
        case b"p":
            os.write(1, b"printed by a decoder")
            raise ValueError(words["called"])
    return {"size": [2, 1], "notes": ["well"], "digest": "d"}, [np.zeros((1, 2, 3), np.uint8)]


if __name__ == "__main__":
    reader_process.CPU_SECONDS = 1  # not less: starting it counts
    reader_process.READERS["picture"] = picture
    reader_process.main()
