"""Cuts the variable Vazirmatn to what the panel shows. Usage: see README.md in this folder."""

import io
import sys

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem
from fontTools.varLib import instancer

LATIN = "0020-007E,00A0,00AB,00B7,00BB,00D7,2013,2014,2022,2026,2190,2192,2212"
# Letters, digits and marks that Persian text and pasted Arabic letters need.
PERSIAN = "060C,061B,061F,0621-063A,0640-0652,0654,066A-066C,067E,0686,0698,06A9,06AF,06C0,06CC,06F0-06F9"
# ZWNJ, ZWJ, LRM, RLM and the isolates: without them browsers draw a box.
INVISIBLE = "200C-200F,2066-2069"

source, target = sys.argv[1:]
font = instancer.instantiateVariableFont(TTFont(source), {"wght": (400, 700)})
# Half the grid is as sharp on a screen, and its outlines pack a tenth smaller.
scale_upem(font, 1000)
whole = io.BytesIO()
font.save(whole)

options = subset.Options()
options.flavor = "woff2"
options.hinting = False
options.layout_features = ["init", "medi", "fina", "rlig", "mark", "kern", "tnum"]
options.name_IDs = [1, 2, 13]
options.notdef_outline = True
options.drop_tables += ["DSIG", "gasp", "prep", "STAT", "HVAR"]
cutter = subset.Subsetter(options)
cutter.populate(unicodes=subset.parse_unicodes(",".join([LATIN, PERSIAN, INVISIBLE])))
font = subset.load_font(whole, options)
cutter.subset(font)
subset.save_font(font, target, options)
