// Which instruction sets can be used: the processor has them (CPUID), the system saves their registers (XCR0), and for
// AMX the kernel has granted this process the tile state.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/cpu/internal.h"

namespace pareto::cpu {
namespace {

std::uint64_t xcr0() {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

// Linux hands out tile state on request only (arch_prctl(2)), once for all threads of the process.
bool request_tile_state() {
  constexpr int kArchReqXcompPerm = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
}

CpuFeatures detect() {
  CpuFeatures found;
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  const auto bit = [](std::uint32_t word, int i) { return ((word >> i) & 1u) != 0; };
  if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return found;  // no OSXSAVE: no wide registers
  const bool fma = bit(c, 12), f16c = bit(c, 29), avx = bit(c, 28);
  const std::uint64_t saved = xcr0();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const std::uint32_t ebx = b, ecx = c, edx = d;
  found.avx2 = avx && fma && f16c && bit(ebx, 5) && (saved & 0x6) == 0x6;
  found.avx512 = found.avx2 && bit(ebx, 16) && bit(ebx, 17) && bit(ebx, 30) && bit(ebx, 31) && (saved & 0xe6) == 0xe6;
  found.avx512_vnni = found.avx512 && bit(ecx, 11);
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) found.avx512_bf16 = found.avx512 && bit(a, 5);
  const bool tiles = found.avx512_bf16 && bit(edx, 24) && (saved & 0x60000) == 0x60000;
  if (tiles && (bit(edx, 22) || bit(edx, 25)) && request_tile_state()) {
    found.amx_bf16 = bit(edx, 22);
    found.amx_int8 = bit(edx, 25);
  }
  return found;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace pareto::cpu
