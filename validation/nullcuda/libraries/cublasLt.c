/* cuBLASLt: handles, and one algorithm for every product. */
#include "common.h"

size_t cublasLtGetVersion(void) { return 130100; }
int cublasLtMatmulDescCreate(void **h, int c, int s) { (void)c; (void)s; *h = handle(); return 0; }
int cublasLtMatmulPreferenceCreate(void **h) { *h = handle(); return 0; }
int cublasLtMatrixLayoutCreate(void **h, int t, uint64_t r, uint64_t c, int64_t ld) { (void)t; (void)r; (void)c; (void)ld; *h = handle(); return 0; }
int cublasLtMatmulAlgoGetHeuristic(void *h, void *d, void *a, void *b, void *c, void *dd, void *p, int want, void *res, int *got) {
  (void)h; (void)d; (void)a; (void)b; (void)c; (void)dd; (void)p; (void)want;
  memset(res, 0, 96); *got = 1; return 0; }
