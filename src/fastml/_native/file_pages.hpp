// Pages of arrays that lie in mapped files.
#pragma once

#include <algorithm>
#include <cstdint>

#ifndef _WIN32
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace fastml {

// Lets go of the pages of bytes `from` to `to` of an array of `size` bytes in a mapped file, so that
// they no longer count as this process's memory; the file keeps them, and they come back when they
// are read. With a page that is read the system maps others around it, of up to 2 MiB: those of the
// array go, too.
inline void let_go(const void* array, int64_t size, int64_t from, int64_t to) noexcept {
#ifndef _WIN32
    if (from >= to) return;
    constexpr uintptr_t around = 2 * 1024 * 1024;
    static const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const uintptr_t begin = reinterpret_cast<uintptr_t>(array);
    // A page that holds a byte of the array is of the file: no further out, where it may not be.
    const uintptr_t first = begin / page * page;
    const uintptr_t last = (begin + size + page - 1) / page * page;
    const uintptr_t low = std::max(first, (begin + from) / around * around);
    const uintptr_t high = std::min(last, (begin + to + around - 1) / around * around);
    madvise(reinterpret_cast<void*>(low), high - low, MADV_DONTNEED);
#endif
}

}  // namespace fastml
