// Arrow arrays as the kernels see them: the C data interface, imported without a copy.
//
// https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
#pragma once

#include <Python.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
    const char* format;
    const char* name;
    const char* metadata;
    int64_t flags;
    int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);
    void* private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};
#endif
}

namespace fastml {

enum class Kind : int {
    null,
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float32,
    float64,
    string,        // 32-bit offsets
    large_string,  // 64-bit offsets
    structure,
    other
};

// The number in Arrow's format string: https://arrow.apache.org/docs/format/CDataInterface.html
// Dates, times, timestamps and durations are the integers that they are stored as.
inline Kind kind_of(const char* format) noexcept {
    switch (format[0]) {
        case 'n': return Kind::null;
        case 'b': return Kind::boolean;
        case 'c': return Kind::int8;
        case 'C': return Kind::uint8;
        case 's': return Kind::int16;
        case 'S': return Kind::uint16;
        case 'i': return Kind::int32;
        case 'I': return Kind::uint32;
        case 'l': return Kind::int64;
        case 'L': return Kind::uint64;
        case 'f': return Kind::float32;
        case 'g': return Kind::float64;
        case 'u': return Kind::string;
        case 'U': return Kind::large_string;
        case 't':
            if (format[1] == 'd') return format[2] == 'D' ? Kind::int32 : Kind::int64;
            if (format[1] == 't') {
                return format[2] == 's' || format[2] == 'm' ? Kind::int32 : Kind::int64;
            }
            if (format[1] == 's' || format[1] == 'D') return Kind::int64;
            return Kind::other;
        case '+': return format[1] == 's' && format[2] == '\0' ? Kind::structure : Kind::other;
        default: return Kind::other;
    }
}

inline bool is_numeric(Kind kind) noexcept { return kind >= Kind::boolean && kind <= Kind::float64; }
inline bool is_string(Kind kind) noexcept {
    return kind == Kind::string || kind == Kind::large_string;
}

// One array: a view by value, valid while the `Imported` that gave it lives. `values`, `offsets`
// and `validity` start at the buffer, so every access adds `offset`.
struct Column {
    Kind kind = Kind::null;
    int64_t length = 0;
    int64_t offset = 0;
    const uint8_t* validity = nullptr;  // null: every value is valid
    const void* values = nullptr;       // numbers, or the bytes of strings
    const void* offsets = nullptr;      // of strings
    const Column* dictionary = nullptr;  // then `kind` is the kind of the indices
    const char* name = "";

    bool valid(int64_t i) const noexcept {
        if (kind == Kind::null) return false;
        if (validity == nullptr) return true;
        const int64_t k = i + offset;
        return (validity[k >> 3] >> (k & 7)) & 1;
    }
    template <typename T>
    const T* numbers() const noexcept {
        return static_cast<const T*>(values) + offset;
    }
    bool boolean(int64_t i) const noexcept {
        const int64_t k = i + offset;
        return (static_cast<const uint8_t*>(values)[k >> 3] >> (k & 7)) & 1;
    }
    std::string_view string(int64_t i) const noexcept {
        const int64_t k = i + offset;
        const char* bytes = static_cast<const char*>(values);
        if (kind == Kind::string) {
            const int32_t* o = static_cast<const int32_t*>(offsets);
            return {bytes + o[k], static_cast<size_t>(o[k + 1] - o[k])};
        }
        const int64_t* o = static_cast<const int64_t*>(offsets);
        return {bytes + o[k], static_cast<size_t>(o[k + 1] - o[k])};
    }
    // The index of a dictionary array at row i (which must be valid).
    int64_t index(int64_t i) const noexcept {
        switch (kind) {
            case Kind::int8: return numbers<int8_t>()[i];
            case Kind::int16: return numbers<int16_t>()[i];
            case Kind::int32: return numbers<int32_t>()[i];
            case Kind::int64: return numbers<int64_t>()[i];
            case Kind::uint8: return numbers<uint8_t>()[i];
            case Kind::uint16: return numbers<uint16_t>()[i];
            case Kind::uint32: return numbers<uint32_t>()[i];
            default: return static_cast<int64_t>(numbers<uint64_t>()[i]);
        }
    }
};

// Owns one imported array and gives its columns: the children of a struct (a record batch), or
// the array itself. Throws std::invalid_argument (in Cython: ValueError) or Python's own error
// as std::runtime_error("") with the Python error set.
class Imported {
  public:
    Imported() = default;
    explicit Imported(PyObject* object) {
        try {
            take(object);
            view();
        } catch (...) {
            drop();
            throw;
        }
    }
    Imported(const Imported&) = delete;
    Imported& operator=(const Imported&) = delete;
    ~Imported() { drop(); }

    int64_t length() const noexcept { return array_.length; }
    int64_t n_columns() const noexcept { return static_cast<int64_t>(columns_.size()); }
    const Column& column(int64_t i) const noexcept { return columns_[static_cast<size_t>(i)]; }
    const std::vector<Column>& columns() const noexcept { return columns_; }

  private:
    void take(PyObject* object) {
        PyObject* pair = PyObject_CallMethod(object, "__arrow_c_array__", nullptr);
        if (pair == nullptr) throw std::runtime_error("");
        PyObject* schema = PyTuple_GetItem(pair, 0);  // borrowed
        PyObject* array = PyTuple_GetItem(pair, 1);
        auto* s = schema == nullptr
                      ? nullptr
                      : static_cast<ArrowSchema*>(PyCapsule_GetPointer(schema, "arrow_schema"));
        auto* a = array == nullptr
                      ? nullptr
                      : static_cast<ArrowArray*>(PyCapsule_GetPointer(array, "arrow_array"));
        if (s != nullptr && a != nullptr) {  // move: the capsule's copy is marked as released
            schema_ = *s;
            s->release = nullptr;
            array_ = *a;
            a->release = nullptr;
        }
        Py_DecRef(pair);
        if (s == nullptr || a == nullptr) throw std::runtime_error("");
    }

    void view() {
        if (kind_of(schema_.format) != Kind::structure) {
            columns_.push_back(column_of(schema_, array_, 0, array_.length));
            return;
        }
        check_rows();
        columns_.reserve(static_cast<size_t>(array_.n_children));
        for (int64_t i = 0; i < array_.n_children; ++i) {
            // A sliced struct keeps its offset to itself: its children are not sliced with it.
            columns_.push_back(column_of(*schema_.children[i], *array_.children[i], array_.offset,
                                         array_.length));
        }
    }

    // A record batch has no null rows; a struct array may, and its columns would not show them.
    void check_rows() const {
        if (schema_.n_children != array_.n_children) {
            throw std::invalid_argument("the array has other columns than its schema");
        }
        if (array_.null_count == 0 || array_.n_buffers < 1 || array_.buffers[0] == nullptr) return;
        Column rows;
        rows.kind = Kind::structure;
        rows.offset = array_.offset;
        rows.validity = static_cast<const uint8_t*>(array_.buffers[0]);
        for (int64_t row = 0; row < array_.length; ++row) {
            if (!rows.valid(row)) {
                throw std::invalid_argument("row " + std::to_string(row + 1) +
                                            " of the struct array is null; flatten it");
            }
        }
    }

    Column column_of(const ArrowSchema& schema, const ArrowArray& array, int64_t shift,
                     int64_t length) {
        Column c;
        c.name = schema.name == nullptr ? "" : schema.name;
        c.kind = kind_of(schema.format);
        c.length = length;
        c.offset = array.offset + shift;
        if (c.kind == Kind::null || c.kind == Kind::other || c.kind == Kind::structure) return c;
        // Zero nulls: the bitmap need not be read. -1 means that nobody has counted.
        if (array.null_count != 0) c.validity = static_cast<const uint8_t*>(array.buffers[0]);
        if (is_string(c.kind)) {
            c.offsets = array.buffers[1];
            c.values = array.buffers[2];
            // Arrow lets an empty array have no offsets at all.
            if (c.offsets == nullptr) {
                static const int64_t zero[2] = {0, 0};
                c.offsets = zero;
            }
        } else {
            c.values = array.buffers[1];
        }
        if (schema.dictionary != nullptr) {
            if (array.dictionary == nullptr) throw std::invalid_argument("dictionary is missing");
            auto* d = new Column(
                column_of(*schema.dictionary, *array.dictionary, 0, array.dictionary->length));
            dictionaries_.push_back(d);
            c.dictionary = d;
        }
        return c;
    }

    void drop() noexcept {
        for (const Column* d : dictionaries_) delete d;
        dictionaries_.clear();
        if (array_.release != nullptr) array_.release(&array_);
        if (schema_.release != nullptr) schema_.release(&schema_);
    }

    ArrowSchema schema_{};
    ArrowArray array_{};
    std::vector<Column> columns_;
    std::vector<const Column*> dictionaries_;
};

// Translates C++ exceptions for Cython's `except +raise_native_error`.
inline void raise_native_error() {
    try {
        throw;
    } catch (const std::invalid_argument& e) {
        PyErr_SetString(PyExc_ValueError, e.what());
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& e) {
        if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_RuntimeError, e.what());
    }
}

}  // namespace fastml
