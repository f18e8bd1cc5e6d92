/* tile_product.h - products of two tiles of rows, by the widest vectors that the processor has. */
#ifndef SNNFIT_OPT_TILE_PRODUCT_H
#define SNNFIT_OPT_TILE_PRODUCT_H

#include <stdint.h>

/* A tile is TILE_ROWS rows of `depth` coordinates, in panels that lie side by side
 * in the first cache: [TILE_ROWS / PANEL_ROWS][depth][PANEL_ROWS]. */
enum { TILE_ROWS = 64, PANEL_ROWS = 16 };

/* out[i][j], [TILE_ROWS][TILE_ROWS] = sum over the coordinates of row i of a times
 * row j of b. The last bits depend on the processor: decide nothing by them. */
typedef void (*tile_product)(const float *a, const float *b, uint32_t depth, float *out);

/* Those that this processor can run, the fastest first; NULL past the end. */
tile_product tile_product_at(uint32_t index);

#endif
