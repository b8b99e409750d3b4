"""Hints: ask the processor for a cell of a table before it is needed; changes no result."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_TO_READ, _KEEP, _DATA = 0, 3, 1


@intrinsic
def hint(typing, table, row, column):
    """Begin to fetch a cell of a table that is read soon.

    What an order meets lies anywhere in tables larger than the caches nearby: waiting for it took
    a third of a run. The cell may lie outside, since nothing is read.
    """

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        cells = context.make_array(kind)(context, builder, arguments[0])
        cell = cgutils.get_item_pointer(context, builder, kind, cells, list(arguments[1:]))
        number = ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        place = builder.bitcast(cell, cgutils.voidptr_t)
        builder.call(call, [place, number(_TO_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(table, types.intp, types.intp), generate
