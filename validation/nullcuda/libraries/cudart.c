/* The CUDA runtime: device memory is a range of addresses that is handed out and never touched, kernels are not run,
 * copies to the host give zeros, and a single byte, which is a bool, gives what nullcuda_set_bool says (at first NULLCUDA_BOOL, 1).
 */
#include "common.h"

#include <driver_types.h>
#include <execinfo.h>
#include <pthread.h>
typedef struct { unsigned x, y, z; } d3;
#define WIDE 0x100000000000ULL /* addresses of one device */
#define MOST 4
#define BASE WIDE
#define TOP  (BASE + MOST * WIDE)
static uint64_t next_addr[MOST] = {BASE, BASE + WIDE, BASE + 2 * WIDE, BASE + 3 * WIDE}, used[MOST];
static __thread int device;
static int devices(void) { long n = env_long("NULLCUDA_DEVICES", 1); return n < 1 ? 1 : n > MOST ? MOST : (int)n; }
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
#define NSLOT (1 << 16)
static struct { uint64_t p, n; } slot[NSLOT];
static int is_dev(const void *p) { uint64_t a = (uint64_t)p; return a >= BASE && a < TOP; }
static int device_of(uint64_t p) { return (int)((p - BASE) / WIDE); }
static uint64_t total(void) { return (uint64_t)env_long("NULLCUDA_MEM", 80) << 30; }

int cudaMalloc(void **p, size_t n) {
  pthread_mutex_lock(&mu);
  if (used[device] + n > total()) { pthread_mutex_unlock(&mu); return 2; }
  int i = 0;
  while (i < NSLOT && slot[i].p) i++;
  if (i == NSLOT) { pthread_mutex_unlock(&mu); return 2; }
  slot[i].p = next_addr[device]; slot[i].n = n;
  *p = (void *)next_addr[device];
  next_addr[device] += (n + (2u << 20) - 1) & ~(uint64_t)((2u << 20) - 1);
  used[device] += n;
  pthread_mutex_unlock(&mu);
  if (getenv("NULLCUDA_TRACE")) fprintf(stderr, "cudaMalloc %zu\n", n);
  return 0;
}
int cudaFree(void *p) {
  pthread_mutex_lock(&mu);
  for (int i = 0; p && i < NSLOT; i++)
    if (slot[i].p == (uint64_t)p) { used[device_of(slot[i].p)] -= slot[i].n; slot[i].p = 0; break; }
  pthread_mutex_unlock(&mu);
  if (p && getenv("NULLCUDA_TRACE")) fprintf(stderr, "cudaFree\n");
  return 0;
}
int cudaMallocAsync(void **p, size_t n, void *s) { (void)s; return cudaMalloc(p, n); }
int cudaFreeAsync(void *p, void *s) { (void)s; return cudaFree(p); }
int cudaMemGetInfo(size_t *f, size_t *t) { *t = total(); *f = *t - used[device]; return 0; }
/* Page-locked memory, which is known by its address. */
#define NPINNED 1024
static struct { char *p; size_t n; } pinned[NPINNED];
int cudaHostAlloc(void **p, size_t n, unsigned fl) {
  (void)fl;
  if (posix_memalign(p, 4096, n ? n : 1)) return 2;
  pthread_mutex_lock(&mu);
  for (int i = 0; i < NPINNED; i++)
    if (!pinned[i].p) { pinned[i].p = *p; pinned[i].n = n; break; }
  pthread_mutex_unlock(&mu);
  return 0;
}
int cudaFreeHost(void *p) {
  pthread_mutex_lock(&mu);
  for (int i = 0; p && i < NPINNED; i++)
    if (pinned[i].p == p) { pinned[i].p = 0; break; }
  pthread_mutex_unlock(&mu);
  free(p);
  return 0;
}
static int is_pinned(const char *p) {
  int found = 0;
  pthread_mutex_lock(&mu);
  for (int i = 0; i < NPINNED && !found; i++) found = pinned[i].p && p >= pinned[i].p && p < pinned[i].p + pinned[i].n;
  pthread_mutex_unlock(&mu);
  return found;
}

/* A one-byte copy to the host is a bool read by .item(): it says bool_read (checks such as valid.all() pass). */
static int bool_read = -1;
void nullcuda_set_bool(int v) { bool_read = v; }
static long host_reads;
long nullcuda_host_reads(void) { return host_reads; }
/* With nullcuda_echo(1), what was copied to an address last is read back from it: for tensors that no kernel has changed. */
static int echo;
void nullcuda_echo(int v) { echo = v; }
#define NECHO 64
static struct { const void *p; void *data; size_t n; } sent[NECHO];
static int nsent;
static void remember(const void *d, const void *s, size_t n) {
  pthread_mutex_lock(&mu);
  int i = 0;
  while (i < NECHO && sent[i].p != d) i++;
  if (i == NECHO) i = nsent++ % NECHO;
  sent[i].data = realloc(sent[i].data, n ? n : 1);
  sent[i].p = d; sent[i].n = n;
  memcpy(sent[i].data, s, n);
  pthread_mutex_unlock(&mu);
}
static int recall(void *d, const void *s, size_t n) {
  pthread_mutex_lock(&mu);
  int i = 0;
  while (i < NECHO && !(sent[i].p == s && sent[i].n == n)) i++;
  if (i < NECHO) memcpy(d, sent[i].data, n);
  pthread_mutex_unlock(&mu);
  return i < NECHO;
}
static int copy(void *d, const void *s, size_t n) {
  if (is_dev(d)) { if (echo && !is_dev(s) && n <= 1 << 20) remember(d, s, n); return 0; }
  if (is_dev(s)) {
    if (echo && recall(d, s, n)) return 0;
    host_reads++;
    if (getenv("NULLCUDA_TRACE")) { void *bt[12]; int k = backtrace(bt, 12); fprintf(stderr, "copy to host %zu\n", n); backtrace_symbols_fd(bt, k, 2); }
    if (bool_read < 0) bool_read = (int)env_long("NULLCUDA_BOOL", 1);
    memset(d, n == 1 ? bool_read : 0, n);
  } else memmove(d, s, n);
  return 0;
}
int cudaMemcpy(void *d, const void *s, size_t n, int k) { (void)k; return copy(d, s, n); }
int cudaMemcpyAsync(void *d, const void *s, size_t n, int k, void *st) { (void)k; (void)st; return copy(d, s, n); }
int cudaMemset(void *d, int v, size_t n) { if (!is_dev(d)) memset(d, v, n); return 0; }
int cudaMemsetAsync(void *d, int v, size_t n, void *s) { (void)s; return cudaMemset(d, v, n); }
int cudaGetSymbolAddress(void **p, const void *s) { (void)s; *p = (void *)(TOP - (1 << 20)); return 0; }

int cudaGetDeviceCount(int *n) { *n = devices(); return 0; }
int cudaGetDevice(int *d) { *d = device; return 0; }
int cudaSetDevice(int d) { if (d < 0 || d >= devices()) return 101; device = d; return 0; }
int cudaDriverGetVersion(int *v) { *v = 13000; return 0; }
int cudaRuntimeGetVersion(int *v) { *v = 13000; return 0; }
const char *cudaGetErrorString(int e) { (void)e; return "null cuda error"; }
const char *cudaGetErrorName(int e) { (void)e; return "nullCudaError"; }
int cudaDeviceGetPCIBusId(char *s, int n, int d) { (void)d; snprintf(s, n, "0000:00:00.0"); return 0; }
/* Shared memory of a multiprocessor by compute capability, and the most that a block may ask for (CUDA C++ Programming Guide, appendix
 * "Compute Capabilities"). Kernels of attention are chosen by it. */
static int shared_all(void) {
  int sm = sm_arch();
  return (sm < 75 ? 96 : sm < 80 ? 64 : sm == 86 || sm == 89 || sm >= 120 ? 100 : sm < 90 ? 164 : 228) << 10;
}
static int shared_most(void) { return sm_arch() < 70 ? 49152 : sm_arch() < 80 ? shared_all() : shared_all() - 1024; }
int cudaGetDeviceProperties(struct cudaDeviceProp *p, int dev) {
  (void)dev;
  memset(p, 0, sizeof *p);
  snprintf(p->name, sizeof p->name, "Null CUDA sm_%d", sm_arch());
  p->totalGlobalMem = total();
  p->major = sm_arch() / 10; p->minor = sm_arch() % 10;
  p->multiProcessorCount = sm_count();
  p->warpSize = 32; p->maxThreadsPerBlock = 1024; p->maxThreadsPerMultiProcessor = 2048;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024; p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647; p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->sharedMemPerBlock = 49152; p->sharedMemPerBlockOptin = shared_most(); p->sharedMemPerMultiprocessor = shared_all();
  p->l2CacheSize = 40 << 20; p->maxBlocksPerMultiProcessor = 32; p->textureAlignment = 512;
  p->memoryBusWidth = 5120; p->asyncEngineCount = 3; p->unifiedAddressing = 1; p->concurrentKernels = 1;
  p->cooperativeLaunch = 1; p->managedMemory = 1; p->streamPrioritiesSupported = 1;
  p->clusterLaunch = sm_arch() >= 90; p->memPitch = 2147483647; p->totalConstMem = 65536;
  return 0;
}
int cudaDeviceGetAttribute(int *v, int a, int dev) {
  (void)dev;
  switch (a) {
    case cudaDevAttrMaxThreadsPerBlock: *v = 1024; break;
    case cudaDevAttrMaxBlockDimX: case cudaDevAttrMaxBlockDimY: *v = 1024; break;
    case cudaDevAttrMaxBlockDimZ: *v = 64; break;
    case cudaDevAttrMaxGridDimX: *v = 2147483647; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *v = 65535; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *v = 49152; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *v = shared_most(); break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *v = shared_all(); break;
    case cudaDevAttrWarpSize: *v = 32; break;
    case cudaDevAttrMaxRegistersPerBlock: case cudaDevAttrMaxRegistersPerMultiprocessor: *v = 65536; break;
    case cudaDevAttrMultiProcessorCount: *v = sm_count(); break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *v = 2048; break;
    case cudaDevAttrMaxBlocksPerMultiprocessor: *v = 32; break;
    case cudaDevAttrComputeCapabilityMajor: *v = sm_arch() / 10; break;
    case cudaDevAttrComputeCapabilityMinor: *v = sm_arch() % 10; break;
    case cudaDevAttrL2CacheSize: *v = 40 << 20; break;
    case cudaDevAttrTextureAlignment: *v = 512; break;
    case cudaDevAttrUnifiedAddressing: case cudaDevAttrConcurrentKernels: case cudaDevAttrCooperativeLaunch: *v = 1; break;
    default: *v = 0;
  }
  return 0;
}
int cudaFuncGetAttributes(struct cudaFuncAttributes *a, const void *f) {
  (void)f;
  memset(a, 0, sizeof *a);
  a->maxThreadsPerBlock = 1024; a->numRegs = 32; a->ptxVersion = a->binaryVersion = sm_arch();
  a->maxDynamicSharedSizeBytes = 49152;
  return 0;
}
int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n, const void *f, int t, size_t s) { (void)f; (void)t; (void)s; *n = 2; return 0; }
int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *f, int t, size_t s, unsigned fl) { (void)f; (void)t; (void)s; (void)fl; *n = 2; return 0; }
int cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p) {
  memset(a, 0, sizeof *a);
  if (is_dev(p)) { a->type = cudaMemoryTypeDevice; a->devicePointer = (void *)p; a->device = device_of((uint64_t)p); }
  else { a->type = is_pinned(p) ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered; a->hostPointer = (void *)p; }
  return 0;
}
int cudaDeviceGetStreamPriorityRange(int *lo, int *hi) { if (lo) *lo = 0; if (hi) *hi = -5; return 0; }
int cudaStreamCreate(void **s) { *s = handle(); return 0; }
int cudaStreamCreateWithFlags(void **s, unsigned f) { (void)f; *s = handle(); return 0; }
int cudaStreamCreateWithPriority(void **s, unsigned f, int p) { (void)f; (void)p; *s = handle(); return 0; }
int cudaStreamGetPriority(void *s, int *p) { (void)s; *p = 0; return 0; }
int cudaStreamIsCapturing(void *s, int *st) { (void)s; *st = 0; return 0; }
int cudaStreamGetCaptureInfo(void *s, int *st, unsigned long long *id, void *g, void *d, void *e, size_t *n) {
  (void)s; (void)g; (void)d; (void)e; *st = 0; if (id) *id = 0; if (n) *n = 0; return 0; }
int cudaEventCreate(void **e) { *e = handle(); return 0; }
int cudaEventCreateWithFlags(void **e, unsigned f) { (void)f; *e = handle(); return 0; }
int cudaEventElapsedTime(float *ms, void *a, void *b) { (void)a; (void)b; *ms = 0; return 0; }
int cudaDeviceCanAccessPeer(int *v, int a, int b) { *v = a != b; return 0; }
int cudaDeviceGetDefaultMemPool(void **p, int d) { (void)d; *p = handle(); return 0; }
int cudaLaunchHostFunc(void *s, void (*fn)(void *), void *d) { (void)s; fn(d); return 0; }
int cudaStreamAddCallback(void *s, void (*fn)(void *, int, void *), void *d, unsigned f) { (void)f; fn(s, 0, d); return 0; }

static __thread struct { d3 g, b; size_t sh; void *st; } cfg[64];
static __thread int ncfg;
unsigned __cudaPushCallConfiguration(d3 g, d3 b, size_t sh, void *st) {
  if (ncfg < 64) { cfg[ncfg].g = g; cfg[ncfg].b = b; cfg[ncfg].sh = sh; cfg[ncfg].st = st; ncfg++; }
  return 0;
}
int __cudaPopCallConfiguration(d3 *g, d3 *b, size_t *sh, void **st) {
  if (!ncfg) return 1;
  ncfg--; *g = cfg[ncfg].g; *b = cfg[ncfg].b; *sh = cfg[ncfg].sh; *st = cfg[ncfg].st;
  return 0;
}
int __cudaGetKernel(void **k, const void *f) { *k = (void *)f; return 0; }
void **__cudaRegisterFatBinary(void *f) { (void)f; return (void **)handle(); }
char __cudaInitModule(void **h) { (void)h; return 1; }
int cudaLibraryLoadData(void **l) { *l = handle(); return 0; }
int cudaLibraryGetKernel(void **k) { *k = handle(); return 0; }
static int drv_zero(void) { return 0; }

/* The driver's virtual memory, for expandable segments: addresses are reserved, and memory is counted where it is created. */
static int reserve(uint64_t *p, size_t n, size_t align, uint64_t at, unsigned long long flags) {
  (void)align; (void)at; (void)flags;
  pthread_mutex_lock(&mu);
  *p = next_addr[device];
  next_addr[device] += (n + (2u << 20) - 1) & ~(uint64_t)((2u << 20) - 1);
  pthread_mutex_unlock(&mu);
  return 0;
}
static int create(uint64_t *h, size_t n, const void *prop, unsigned long long flags) {
  (void)prop; (void)flags;
  pthread_mutex_lock(&mu);
  int full = used[device] + n > total();
  if (!full) { used[device] += n; *h = (uint64_t)device << 56 | n; }
  pthread_mutex_unlock(&mu);
  return full ? 2 : 0;
}
static int give_back(uint64_t h) {
  pthread_mutex_lock(&mu);
  used[h >> 56] -= h & ~(0xffULL << 56);
  pthread_mutex_unlock(&mu);
  return 0;
}
int cudaGetDriverEntryPointByVersion(const char *n, void **fn, unsigned v, unsigned long long fl, int *st) {
  (void)v; (void)fl;
  *fn = !strcmp(n, "cuMemAddressReserve") ? (void *)reserve : !strcmp(n, "cuMemCreate") ? (void *)create
      : !strcmp(n, "cuMemRelease") ? (void *)give_back : (void *)drv_zero;
  if (getenv("NULLCUDA_TRACE")) fprintf(stderr, "entry point %s\n", n);
  if (st) *st = 0;
  return 0;
}
