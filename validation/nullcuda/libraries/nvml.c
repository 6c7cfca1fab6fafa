/* The management library: there is a device, and it shares no memory with other machines (expandable segments ask for that). */
#include <string.h>

int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device) { (void)id; *device = device; return 0; }
int nvmlDeviceGetNvLinkRemoteDeviceType(void *device, unsigned link, int *type) { (void)device; (void)link; (void)type; return 3; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *device, unsigned link, void *pci) { (void)device; (void)link; (void)pci; return 3; }
int nvmlDeviceGetComputeRunningProcesses(void *device, unsigned *count, void *found) { (void)device; (void)found; *count = 0; return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return 0; }
/* nvmlGpuFabricInfoV_t: a version, then a cluster's id, a status, a clique and the state, of which 0 is "not supported". */
int nvmlDeviceGetGpuFabricInfoV(void *device, void *info) { (void)device; memset((char *)info + 4, 0, 25); return 0; }
