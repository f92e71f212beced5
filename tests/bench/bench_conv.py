# The table of bench_conv.c for oneDNN, as PyTorch calls it, channels last: bench_conv.py [ROUNDS]
import sys, time
import torch
torch.set_num_threads(1)
torch.set_flush_denormal(True)
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
shapes = [("64 to 128, 4x4, stride 2", 64, 14, 7, 64, 128, 4, 2, 1, 1), ("1 to 64, 4x4, stride 2", 64, 28, 14, 1, 64, 4, 2, 1, 1),
          ("64 to 64, 3x3", 32, 28, 28, 64, 64, 3, 1, 1, 1), ("16 to 16, 3x3", 64, 28, 28, 16, 16, 3, 1, 1, 1),
          ("64 to 256, 1x1", 32, 28, 28, 64, 256, 1, 1, 0, 1), ("256 to 64, 1x1", 32, 28, 28, 256, 64, 1, 1, 0, 1),
          ("256 to 256, 3x3", 32, 7, 7, 256, 256, 3, 1, 1, 1), ("64 to 64, 7x7", 32, 28, 28, 64, 64, 7, 1, 3, 1),
          ("the same, 25 taps of it", 32, 28, 28, 64, 64, 7, 1, 3, 1),
          ("64 by 64 apart, 3x3", 32, 28, 28, 64, 64, 3, 1, 1, 64)]
places = 4
print("%-26s  %6s  %6s  %6s   GFLOP/s" % ("", "y", "by x", "by w"))
for name, batch, size, out, channels, filters, taps, stride, pad, groups in shapes:
    last = dict(memory_format=torch.channels_last)
    x = [torch.rand(batch, channels, size, size).contiguous(**last) for _ in range(places)]
    w = [torch.rand(filters, channels // groups, taps, taps).contiguous(**last) for _ in range(places)]
    d = [torch.rand(batch, filters, out, out).contiguous(**last) for _ in range(places)]
    back = lambda i, mask: torch.ops.aten.convolution_backward(d[i], x[i], w[i], None, [stride] * 2, [pad] * 2, [1, 1], False,
                                                               [0, 0], groups, mask)
    passes = [lambda i: torch.conv2d(x[i], w[i], None, stride, pad, 1, groups), lambda i: back(i, [True, False, False]),
              lambda i: back(i, [False, True, False])]
    live = 25 if "25 taps" in name else taps * taps
    flops = 2e-9 * batch * out * out * filters * (channels // groups) * live
    row = []
    with torch.no_grad():
        for one in passes:
            best = 1e9
            for _ in range(rounds):
                begin = time.thread_time()
                for i in range(places): one(i)
                best = min(best, (time.thread_time() - begin) / places)
            row.append(flops / best)
    print("%-26s  %6.1f  %6.1f  %6.1f" % (name, *row), flush=True)
