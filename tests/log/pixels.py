#!/usr/bin/python3
"""Where a colour is in a screenshot. In: a PNG file and colours as six digits. Out: for each a line with its leftmost and
rightmost column and, of its longest run, the first column, the one after the last, and the row."""

import struct
import sys
import zlib


def rows(data):
    """The rows of an 8-bit RGB or RGBA image that is not interlaced, as bytes, and the bytes of a pixel."""
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
    width, height, depth, colour, _, _, interlaced = header
    assert depth == 8 and colour in (2, 6) and not interlaced, header
    size = 3 if colour == 2 else 4
    raw, above, done = zlib.decompress(packed), bytearray(width * size), []
    for y in range(height):
        start = y * (width * size + 1)
        how, line = raw[start], bytearray(raw[start + 1 : start + 1 + width * size])
        for x in range(len(line)):
            left = line[x - size] if x >= size else 0
            up, corner = above[x], above[x - size] if x >= size else 0
            if how == 1:
                line[x] = (line[x] + left) & 255
            elif how == 2:
                line[x] = (line[x] + up) & 255
            elif how == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif how == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                line[x] = (line[x] + nearest[2]) & 255
        done.append(bytes(line))
        above = line
    return done, size


def runs(line, size, colour):
    """The runs of a colour in a row: first column, column after the last."""
    begin = None
    for x in range(len(line) // size + 1):
        is_it = line[x * size : x * size + 3] == colour
        if is_it and begin is None:
            begin = x
        elif not is_it and begin is not None:
            yield begin, x
            begin = None


image, size = rows(open(sys.argv[1], "rb").read())
for colour in sys.argv[2:]:
    found = [(to - at, at, to, y) for y, line in enumerate(image) for at, to in runs(line, size, bytes.fromhex(colour))]
    # The first of the longest.
    longest = max(found, key=lambda run: (run[0], -run[3]))
    print(min(run[1] for run in found), max(run[2] for run in found), *longest[1:])
