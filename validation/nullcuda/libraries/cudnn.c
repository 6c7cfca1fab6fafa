/* cuDNN: handles; one algorithm for every convolution, whose workspace is NULLCUDA_CUDNN_WS bytes (default 0); sizes of RNNs. */
#include "common.h"

/* NULLCUDA_CUDNN_WS: bytes that every convolution asks for as workspace (default 0) */
struct perf { int algo, status; float time; size_t memory; int det, math, res[3]; };
static int one(int want, int *got, struct perf *r, int algo) {
  (void)want; memset(r, 0, sizeof *r); r->algo = algo; r->memory = (size_t)env_long("NULLCUDA_CUDNN_WS", 0); *got = 1; return 0; }
size_t cudnnGetVersion(void) { return 92000; }
size_t cudnnGetCudartVersion(void) { return 13000; }
int cudnnGetProperty(int t, int *v) { *v = t == 0 ? 9 : t == 1 ? 20 : 0; return 0; }
const char *cudnnGetErrorString(int s) { (void)s; return "null cudnn"; }
void cudnnGetLastErrorString(char *m, size_t n) { if (n) *m = 0; }
int cudnnCreate(void **h) { *h = handle(); return 0; }
int cudnnGetStream(void *h, void **s) { (void)h; *s = 0; return 0; }
int cudnnCreateActivationDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateConvolutionDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateCTCLossDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateDropoutDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateFilterDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreatePoolingDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateRNNDataDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateSpatialTransformerDescriptor(void **h) { *h = handle(); return 0; }
int cudnnCreateTensorDescriptor(void **h) { *h = handle(); return 0; }
int cudnnGetConvolutionForwardAlgorithm_v7(void *h, void *x, void *w, void *c, void *y, int n, int *got, struct perf *r) { (void)h; (void)x; (void)w; (void)c; (void)y; return one(n, got, r, 1); }
int cudnnGetConvolutionBackwardDataAlgorithm_v7(void *h, void *x, void *w, void *c, void *y, int n, int *got, struct perf *r) { (void)h; (void)x; (void)w; (void)c; (void)y; return one(n, got, r, 1); }
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void *h, void *x, void *w, void *c, void *y, int n, int *got, struct perf *r) { (void)h; (void)x; (void)w; (void)c; (void)y; return one(n, got, r, 1); }
static int ws(size_t *s) { *s = (size_t)env_long("NULLCUDA_CUDNN_WS", 0); return 0; }
int cudnnGetConvolutionForwardWorkspaceSize(void *h, void *x, void *w, void *c, void *y, int a, size_t *s) { (void)h; (void)x; (void)w; (void)c; (void)y; (void)a; return ws(s); }
int cudnnGetConvolutionBackwardDataWorkspaceSize(void *h, void *x, void *w, void *c, void *y, int a, size_t *s) { (void)h; (void)x; (void)w; (void)c; (void)y; (void)a; return ws(s); }
int cudnnGetConvolutionBackwardFilterWorkspaceSize(void *h, void *x, void *w, void *c, void *y, int a, size_t *s) { (void)h; (void)x; (void)w; (void)c; (void)y; (void)a; return ws(s); }
int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void *h, int m, int o, void *x, void *z, void *y, void *b, void *a, size_t *s) { (void)h; (void)m; (void)o; (void)x; (void)z; (void)y; (void)b; (void)a; *s = 0; return 0; }
int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void *h, int m, int o, void *a, void *x, size_t *s) { (void)h; (void)m; (void)o; (void)a; (void)x; *s = 0; return 0; }
int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void *h, int m, int o, void *x, void *y, void *dy, void *dz, void *dx, void *b, void *a, size_t *s) { (void)h; (void)m; (void)o; (void)x; (void)y; (void)dy; (void)dz; (void)dx; (void)b; (void)a; *s = 0; return 0; }
/* The random states of dropout between recurrent layers: a size that only the library knows, as workspaces are. */
int cudnnDropoutGetStatesSize(void *h, size_t *s) { (void)h; *s = (size_t)env_long("NULLCUDA_CUDNN_DROPOUT", 0); return 0; }

/* The graph API: any operation graph has one engine, whose plan wants NULLCUDA_CUDNN_WS bytes. */
int cudnnBackendCreateDescriptor(int type, void **d) { (void)type; *d = handle(); return 0; }
int cudnnBackendDestroyDescriptor(void *d) { free(d); return 0; }
int cudnnBackendGetAttribute(void *d, int attr, int type, int64_t want, int64_t *n, void *out) {
  (void)d; (void)type;
  int64_t k = 0;
  switch (attr) {
    case 202: case 300: k = 1; break;                                  /* heuristic results; a config's engine */
    case 303: case 402: k = 1; if (out && want) *(int64_t *)out = env_long("NULLCUDA_CUDNN_WS", 0); break;
    case 304: k = 1; if (out && want) *(int32_t *)out = 0; break;      /* a config's shared memory */
    case 1301: k = 1; if (out && want) *(int64_t *)out = 0; break;     /* engine's index */
  }
  if (n) *n = k;
  return 0; }

/* LSTM/GRU: the descriptors remember what they were told, so that sizes can be computed. */
struct rnn { int algo, cell, bias, dir, input_mode, dtype, math_prec, math, in, hid, proj, layers; void *drop; unsigned aux; };
struct rdat { int dtype, layout, T, N, V; };
int cudnnCreateRNNDescriptor(void **h) { *h = calloc(1, sizeof(struct rnn)); return 0; }
int cudnnSetRNNDescriptor_v8(struct rnn *r, int algo, int cell, int bias, int dir, int im, int dt, int mp, int mt, int in, int hid, int proj, int layers, void *drop, unsigned aux) {
  r->algo = algo; r->cell = cell; r->bias = bias; r->dir = dir; r->input_mode = im; r->dtype = dt; r->math_prec = mp; r->math = mt;
  r->in = in; r->hid = hid; r->proj = proj; r->layers = layers; r->drop = drop; r->aux = aux; return 0; }
int cudnnSetRNNDataDescriptor(struct rdat *d, int dt, int lay, int T, int N, int V, const int *len, void *pad) { (void)len; (void)pad; d->dtype = dt; d->layout = lay; d->T = T; d->N = N; d->V = V; return 0; }
static size_t esz(int dt) { return dt == 0 ? 4 : dt == 1 ? 8 : 2; }
static int gates(int cell) { return cell == 2 ? 4 : cell == 3 ? 3 : 1; }
static int dirs(struct rnn *r) { return r->dir == 1 ? 2 : 1; }
static size_t out_width(struct rnn *r) { return r->proj > 0 ? r->proj : r->hid; }
static size_t in_width(struct rnn *r, int pl) { int D = dirs(r); return pl / D ? out_width(r) * D : (size_t)r->in; }
static size_t layer_w(struct rnn *r, int pl) {
  size_t R = out_width(r), H = r->hid;
  return gates(r->cell) * (in_width(r, pl) + R) * H + (R != H ? R * H : 0); }
int cudnnGetRNNWeightSpaceSize(void *h, struct rnn *r, size_t *s) {
  (void)h; size_t n = 0; int P = r->layers * dirs(r);
  for (int i = 0; i < P; i++) n += layer_w(r, i);
  n += (size_t)P * gates(r->cell) * 2 * r->hid;
  *s = n * esz(r->dtype); return 0; }
struct nd { int dtype, n, dim[8]; };
/* Weights of all pseudo-layers first, then biases: the order cuDNN uses. The projection stands behind a layer's weights. */
int cudnnGetRNNWeightParams(void *h, struct rnn *r, int pl, size_t sz, const char *w, int lin, struct nd *md, void **m, struct nd *bd, void **b) {
  (void)h; (void)sz;
  int G = gates(r->cell), P = r->layers * dirs(r);
  size_t in = in_width(r, pl), R = out_width(r), H = r->hid, off = 0, boff = 0;
  for (int i = 0; i < P; i++) { if (i < pl) off += layer_w(r, i); boff += layer_w(r, i); }
  off += lin < G ? lin * in * H : lin < 2 * G ? G * in * H + (lin - G) * R * H : G * (in + R) * H;
  boff += ((size_t)pl * 2 * G + lin) * H;
  if (md) { md->dtype = r->dtype; md->n = 3; md->dim[0] = 1; md->dim[1] = lin < 2 * G ? H : R; md->dim[2] = lin < G ? in : lin < 2 * G ? R : H; }
  if (bd) { bd->dtype = r->dtype; bd->n = 3; bd->dim[0] = 1; bd->dim[1] = H; bd->dim[2] = 1; }
  if (m) *m = (void *)(w + off * esz(r->dtype));
  if (b) *b = lin < 2 * G ? (void *)(w + boff * esz(r->dtype)) : 0;
  return 0; }
int cudnnSetTensorNdDescriptor(struct nd *d, int dt, int n, const int *dim, const int *st) { (void)st; d->dtype = dt; d->n = n > 8 ? 8 : n; for (int i = 0; i < d->n; i++) d->dim[i] = dim[i]; return 0; }
int cudnnGetTensorNdDescriptor(struct nd *d, int want, int *dt, int *n, int *dim, int *st) {
  *dt = d->dtype; *n = d->n;
  for (int i = 0; i < want && i < 8; i++) { dim[i] = i < d->n ? d->dim[i] : 1; if (st) st[i] = 1; }
  return 0; }
int cudnnGetFilterNdDescriptor(struct nd *d, int want, int *dt, int *fmt, int *n, int *dim) { *dt = d->dtype; *fmt = 0; *n = d->n; for (int i = 0; i < want && i < 8; i++) dim[i] = d->dim[i]; return 0; }
/* An estimate, not cuDNN's own rule; analyzer/cudnn_rnn.py has the same, and where it comes from. */
int cudnnGetRNNTempSpaceSizes(void *h, struct rnn *r, int mode, struct rdat *x, size_t *wsz, size_t *rsz) {
  (void)h;
  int G = gates(r->cell), L = r->layers, D = dirs(r), kept = G == 4 ? 6 : G == 3 ? 7 : 2, moved = G == 4 ? 11 : G == 3 ? 8 : 4;
  size_t n = (size_t)x->N * r->hid * D, weights = 0;
  for (int i = 0; i < L * D; i++) weights += layer_w(r, i);
  if (rsz) *rsz = mode == 1 ? n * x->T * (kept * L - 1) * esz(r->dtype) : 0;
  if (wsz) *wsz = (weights + n * L * moved) * esz(r->dtype);
  return 0; }
