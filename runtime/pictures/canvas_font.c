// A font of strokes for canvas_text: the printable characters of ASCII.
//
// A glyph is its advance and its strokes, all in hexadecimal digits. A stroke is points x y after a sign: `-` joins
// them by straight lines, `~` is a smooth curve drawn towards the points between the first and the last, `o` the same
// but closed. Baseline at y = 4, small letters to b, capitals to e, descenders to 1.
#include "pictures/canvas.h"

static const char *const canvas_font[] = {
    "5",                                    // space
    "3 -0e08 -0405",                        // !
    "5 -0e0b -2e2b",                        // "
    "a -143e -446e -0767 -1b7b",            // #
    "9 ~6c5d0d0a68651506 -3f33",            // $
    "b o0a3a3e0e o54848858 -147e",          // %
    "b ~841b1e5e5b08045489",                // &
    "3 -0e0b",                              // '
    "5 ~2f0c0623",                          // (
    "5 ~0f2c2603",                          // )
    "7 -2e2a -0d4b -4d0b",                  // *
    "9 -3b35 -0868",                        // +
    "4 -1503",                              // ,
    "7 -0848",                              // -
    "3 -0405",                              // .
    "8 -035f",                              // /
    "9 o04646e0e",                          // 0
    "9 -1c3e34",                            // 1
    "9 ~0b0e6e6a04 -0464",                  // 2
    "9 ~0c0e5e5929 ~2969640406",            // 3
    "9 -4e0767 -4e44",                      // 4
    "9 -5e1e09 ~091a6a640405",              // 5
    "9 o04646a0a ~5e0d07",                  // 6
    "9 -0e6e24",                            // 7
    "9 o19595e1e o04646909",                // 8
    "9 o08686e0e ~6b6514",                  // 9
    "3 -0405 -0a0b",                        // :
    "4 -1503 -1a1b",                        // ;
    "9 -6b0865",                            // <
    "9 -0a6a -0666",                        // =
    "9 -0b6805",                            // >
    "8 ~0c0e5e5a2927 -2425",                // ?
    "c o36666b3b ~6b66969e0e0373",          // @
    "b -044e84 -1777",                      // A
    "a -0e04 ~0e2e6e692909 ~093979743404",  // B
    "b ~8c7e0e047486",                      // C
    "b -0e04 ~0e3e8e843404",                // D
    "9 -6e0e0464 -0959",                    // E
    "8 -6e0e04 -0959",                      // F
    "b ~8c7e0e048488 -5888",                // G
    "a -0e04 -7e74 -0979",                  // H
    "3 -0e04",                              // I
    "8 ~5e57540406",                        // J
    "9 -0e04 -7e08 -2a74",                  // K
    "8 -0e0464",                            // L
    "b -040e468e84",                        // M
    "a -040e747e",                          // N
    "b o04848e0e",                          // O
    "9 -0e04 ~0e3e7e783808",                // P
    "b o04848e0e -5783",                    // Q
    "a -0e04 ~0e3e7e783808 -3874",          // R
    "a ~7c6e0e0a78741406",                  // S
    "a -0e8e -4e44",                        // T
    "a ~0e080474787e",                      // U
    "a -0e448e",                            // V
    "e -0e346e94ce",                        // W
    "9 -0e74 -7e04",                        // X
    "a -0e498e -4944",                      // Y
    "9 -0e7e0474",                          // Z
    "5 -2f0f0323",                          // [
    "8 -0f53",                              // backslash
    "5 -0f2f2303",                          // ]
    "9 -0b3e6b",                            // ^
    "9 -0373",                              // _
    "5 -0e2c",                              // `
    "9 o04646b0b -6b64",                    // a
    "9 o04646b0b -0e04",                    // b
    "8 ~6a5b0b045465",                      // c
    "9 o04646b0b -6e64",                    // d
    "9 -0868 ~686b0b045465",                // e
    "6 ~5e2e2b24 -0b4b",                    // f
    "9 o04646b0b ~6b65611102",              // g
    "8 -0e04 ~080b5b5854",                  // h
    "3 -0b04 -0e0d",                        // i
    "5 ~2b242101 -2e2d",                    // j
    "8 -0e04 -5b07 -2954",                  // k
    "3 -0e04",                              // l
    "b -0b04 ~080b4b4844 ~484b8b8884",      // m
    "8 -0b04 ~080b5b5854",                  // n
    "9 o04646b0b",                          // o
    "9 o04646b0b -0b01",                    // p
    "9 o04646b0b -6b61",                    // q
    "6 -0b04 ~080b2b4b",                    // r
    "8 ~5a4b0b0857541405",                  // s
    "6 ~1d171444 -0b4b",                    // t
    "8 ~0b07045457 -5b54",                  // u
    "8 -0b346b",                            // v
    "c -0b245b84ab",                        // w
    "8 -0b54 -5b04",                        // x
    "8 -0b34 -6b3421",                      // y
    "8 -0b5b0454",                          // z
    "6 -3f1e1a09181433",                    // {
    "4 -0f03",                              // |
    "6 -0f2e2a39282403",                    // }
    "9 ~071a5669",                          // ~
    "9 -040e6e6404",                        // a box for everything else
};

const char *canvas_glyph(int character) {
  bool known = character >= ' ' && character <= '~';
  return canvas_font[known ? character - ' ' : '~' + 1 - ' '];
}
