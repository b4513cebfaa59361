"""Requests to answers: bytes of text, through a plan and a linear model, to bytes."""

from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t
from libcpp cimport bool as cbool
from libcpp.memory cimport unique_ptr
from libcpp.string cimport string
from libcpp.string_view cimport string_view
from libcpp.utility cimport move
from libcpp.vector cimport vector

from fastml._native.arrow_view cimport Column, Imported, Kind, raise_native_error
from fastml._native.codes cimport CKnown, CodePart, CrossTask
from fastml._native.codes cimport encode_cross_columns, encode_part_columns
from fastml._native.encode cimport DenseColumn, DenseTask, encode_columns
from fastml._native.linear cimport Block, Shape, single_margins

from fastml.errors import DataError


cdef extern from *:
    """
    #include <stdexcept>
    #include "request_rows.hpp"

    static PyObject* fastml_request_error = nullptr;

    static void raise_request_error() {
        try {
            throw;
        } catch (const fastml::request::Fault& fault) {
            PyObject* text = PyUnicode_DecodeUTF8(fault.what(), strlen(fault.what()), "replace");
            if (text != nullptr) {
                PyErr_SetObject(fastml_request_error, text);
                Py_DecRef(text);
            }
        } catch (...) {
            fastml::raise_native_error();
        }
    }
    """
    void raise_request_error()
    PyObject* fastml_request_error

cdef extern from "request_values.hpp" namespace "fastml::request" nogil:
    cdef enum class Wants(int):
        number

    cdef cppclass Field:
        string name
        Wants wants
        int64_t per_second
        cbool zoned

cdef extern from "request_rows.hpp" namespace "fastml::request" nogil:
    cdef cppclass RequestColumn:
        cbool is_number() noexcept
        cbool is_time() noexcept
        const vector[double]& numbers() noexcept
        const vector[int64_t]& times() noexcept
        const vector[int64_t]& offsets() noexcept
        const string& bytes() noexcept
        const vector[uint8_t]& valid() noexcept

    cdef cppclass RequestRows:
        int64_t rows() noexcept
        int64_t width() noexcept
        RequestColumn& operator[](int64_t) noexcept

cdef extern from "request_csv.hpp" namespace "fastml::request" nogil:
    cdef enum class Header(int):
        detect

    cdef cppclass CsvDialect:
        char delimiter, quote, escape, decimal
        vector[string] markers

cdef extern from "answer.hpp" namespace "fastml::request" nogil:
    cdef enum class Form(int):
        csv

    cdef cppclass Answer:
        vector[string] classes_json, classes_csv, names_json, names_csv
        double threshold

cdef extern from "lookup.hpp" namespace "fastml" nogil:
    cdef cppclass Lookup:
        Lookup(const Column&) except +raise_native_error

cdef extern from "score.hpp" namespace "fastml::score" nogil:
    cdef struct Cores:
        void (*encode_dense)(DenseTask*, int64_t, int64_t, int64_t, float*) noexcept nogil
        void (*encode_parts)(const CodePart*, int64_t, int64_t, int64_t, int32_t*) noexcept nogil
        void (*encode_crosses)(const CrossTask*, int64_t, int64_t, int64_t, int32_t*) noexcept nogil
        void (*margins)(const Shape&, const Block&, const void*, void*) noexcept nogil

    cdef enum class Link(int):
        identity

    cdef enum class Calibration(int):
        none

    cdef enum class Calendar(int):
        none

    cdef cppclass Number:
        int64_t column
        DenseColumn to

    cdef cppclass Category:
        int64_t column
        Calendar part
        int64_t units_per_day
        unique_ptr[Lookup] known

    cdef cppclass Bin:
        int64_t column
        double shift
        vector[float] edges

    cdef cppclass Part:
        int64_t place
        vector[int32_t] table

    cdef cppclass Cross:
        vector[Part] parts
        unique_ptr[CKnown] known
        int32_t start

    cdef cppclass Model:
        vector[Number] numbers
        vector[Category] categories
        vector[Bin] bins
        vector[Part] single
        vector[Cross] crosses
        int64_t n_dense
        Shape shape
        vector[float] weights
        vector[double] intercept
        Link link
        Calibration calibration
        double slope, offset
        vector[double] given, calibrated
        int64_t lanes() noexcept
        int64_t coded() noexcept

cdef extern from "predictor.hpp" namespace "fastml" nogil:
    cdef cppclass Workspace:
        RequestRows rows

    cdef cppclass CPredictor "fastml::Predictor":
        CPredictor(vector[Field], CsvDialect, cbool, Answer, Cores) except +
        Model model
        void check() except +raise_native_error
        unique_ptr[Workspace] take() except +
        void give_back(unique_ptr[Workspace], size_t) except +
        void read(Workspace&, string_view, Form, Header) except +raise_request_error
        void answer(const double*, int64_t, int64_t, Form, cbool, string&) except +
        void predict(
            string_view, Form, Header, Form, cbool, string&
        ) except +raise_request_error
        cbool score(const vector[Column]&, int64_t, double*) except +raise_request_error


fastml_request_error = <PyObject*>DataError

FORMS = {"csv": 0, "json": 1, "lines": 2}
HEADERS = {None: 0, True: 1, False: 2}
cdef size_t RELEASED = 1 << 14  # bytes of a request that is worth giving the interpreter away for


cdef class Predictor:
    """A fitted plan and a linear model, for requests.

    Parameters
    ----------
    fields : sequence of (name, wants, units per second, zoned)
        The columns that the plan reads, in order; `wants` is a number of `request::Wants`.
    dialect : (delimiter, quote, escape, decimal, markers)
        Of delimited text, as bytes; empty for none.
    infinite_is_missing : bool
    classes : sequence of (as JSON, as delimited text, name as JSON, name as delimited text)
        Bytes for each class; none of a regression.
    threshold : float
        Of a binary model.
    """

    cdef CPredictor* _predictor

    def __cinit__(self, fields, dialect, cbool infinite_is_missing, classes, double threshold):
        cdef vector[Field] columns
        cdef Field column
        cdef CsvDialect text
        cdef Answer answer
        cdef Cores cores
        for name, wants, per_second, zoned in fields:
            column.name = name.encode()
            column.wants = <Wants><int>wants
            column.per_second = per_second
            column.zoned = zoned
            columns.push_back(column)
        text.delimiter, text.quote, text.escape, text.decimal = (
            ord(each) if each else 0 for each in dialect[:4]
        )
        text.markers = dialect[4]
        for as_json, as_csv, name_json, name_csv in classes:
            answer.classes_json.push_back(as_json)
            answer.classes_csv.push_back(as_csv)
            answer.names_json.push_back(name_json)
            answer.names_csv.push_back(name_csv)
        answer.threshold = threshold
        cores.encode_dense = encode_columns
        cores.encode_parts = encode_part_columns
        cores.encode_crosses = encode_cross_columns
        cores.margins = single_margins
        self._predictor = new CPredictor(columns, text, infinite_is_missing, answer, cores)

    def __dealloc__(self):
        del self._predictor

    def add_number(self, int64_t column, double shift, float offset, float factor, float fill,
                   int64_t place, int64_t indicator):
        """Add a number, as of `DenseEncoder`."""
        cdef Number number
        number.column = column
        number.to = DenseColumn(shift, offset, factor, fill, place, indicator)
        self._predictor.model.numbers.push_back(number)

    def add_category(self, int64_t column, const int64_t[::1] offsets, const uint8_t[::1] text):
        """Add a category: the known strings, one after the other, and where each begins."""
        cdef Category* category
        cdef Column known
        cdef int64_t n = offsets.shape[0] - 1
        cdef int64_t i
        if n < 0 or offsets[0] != 0 or offsets[n] != text.shape[0]:
            raise ValueError(f"the offsets of {text.shape[0]} bytes")
        for i in range(n):
            if offsets[i] > offsets[i + 1]:
                raise ValueError(f"offset {i} is beyond the next")
        known.kind = Kind.large_string
        known.length = n
        known.offsets = &offsets[0]
        known.values = &text[0] if text.shape[0] else NULL
        self._predictor.model.categories.emplace_back()
        category = &self._predictor.model.categories.back()
        category.column = column
        category.part = Calendar.none
        category.known.reset(new Lookup(known))

    def add_date_part(self, int64_t column, int part, int64_t units_per_day):
        """Add a category that is a part of a date: a number of `score::Calendar`."""
        cdef Category* category
        if part <= 0:
            raise ValueError(f"part {part} of a date")
        self._predictor.model.categories.emplace_back()
        category = &self._predictor.model.categories.back()
        category.column = column
        category.part = <Calendar>part
        category.units_per_day = units_per_day

    def add_bin(self, int64_t column, double shift, const float[::1] edges):
        """Add the bins of a number."""
        cdef Bin own
        own.column = column
        own.shift = shift
        if edges.shape[0]:
            own.edges.assign(&edges[0], &edges[0] + edges.shape[0])
        self._predictor.model.bins.push_back(own)

    cdef Part part(self, int64_t place, const int32_t[::1] table) except *:
        cdef Part found
        found.place = place
        if table.shape[0]:
            found.table.assign(&table[0], &table[0] + table.shape[0])
        return found

    def add_single(self, int64_t place, table):
        """Add a column of the code part: a category or a bin, and what each code becomes."""
        self._predictor.model.single.push_back(self.part(place, table))

    def add_cross(self, parts, sizes, const int64_t[::1] keys, int32_t start):
        """Add a column of the code part: the known combinations of parts with their tables."""
        cdef Cross* cross
        cdef int64_t n = keys.shape[0]
        self._predictor.model.crosses.emplace_back()
        cross = &self._predictor.model.crosses.back()
        cross.known.reset(new CKnown(sizes, &keys[0] if n else NULL, n))
        for place, table in parts:
            cross.parts.push_back(self.part(place, table))
        cross.start = start

    def set_model(self, int64_t n_dense, int64_t n_codes, const float[:, ::1] weights,
                  const double[::1] intercept, int link, int calibration, double slope,
                  double offset, given, calibrated):
        """Set the weights, (n_dense + n_codes + 2, lanes), and what follows the margins.

        Raises
        ------
        ValueError
            If the parts do not belong together.
        """
        cdef Model* model = &self._predictor.model
        cdef int64_t lanes = intercept.shape[0]
        if weights.shape[0] != n_dense + n_codes + 2 or weights.shape[1] != lanes or lanes < 1:
            raise ValueError(f"weights {weights.shape[0]} x {weights.shape[1]} for {lanes} lanes")
        model.n_dense = n_dense
        model.shape.dense = n_dense
        model.shape.codes = n_codes
        model.shape.columns = model.coded()
        model.shape.lanes = lanes
        model.weights.assign(&weights[0, 0], &weights[0, 0] + weights.shape[0] * lanes)
        model.intercept.assign(&intercept[0], &intercept[0] + lanes)
        model.link = <Link>link
        model.calibration = <Calibration>calibration
        model.slope = slope
        model.offset = offset
        model.given = given
        model.calibrated = calibrated
        self._predictor.check()

    def predict(self, bytes body not None, int form, int header, int accept, cbool names):
        """Return the answer to a request.

        Parameters
        ----------
        body : bytes
        form, accept : int
            Of `FORMS`: of the body, and of the answer.
        header : int
            Of `HEADERS`: whether delimited text begins with a line of names; None finds out.
        names : bool
            Whether an answer of delimited text does.

        Raises
        ------
        DataError
            If a row cannot be read: which, which column, what was found and what was expected.
        """
        cdef const char* first = PyBytes_AsString(body)
        cdef size_t size = PyBytes_Size(body)
        cdef string out
        cdef string_view text = string_view(first, size)
        if size > RELEASED:
            with nogil:
                self._predictor.predict(
                    text, <Form>form, <Header>header, <Form>accept, names, out
                )
        else:
            self._predictor.predict(text, <Form>form, <Header>header, <Form>accept, names, out)
        return PyBytes_FromStringAndSize(out.data(), out.size())

    def read(self, bytes body not None, int form, int header):
        """Return the rows of a request: of each column numbers, times or texts.

        Returns
        -------
        n_rows : int
        columns : list of (values,), (values, valid) or (offsets, texts, valid)
            As Arrow has them, in bytes: float64 or int64 values, 64-bit offsets, validity bitmaps.
        """
        cdef size_t size = PyBytes_Size(body)
        cdef string_view text = string_view(PyBytes_AsString(body), size)
        cdef unique_ptr[Workspace] space = self._predictor.take()
        cdef Workspace* used = space.get()
        cdef int64_t i
        with nogil:
            self._predictor.read(used[0], text, <Form>form, <Header>header)
        found = [column_of(used.rows[i]) for i in range(used.rows.width())]
        n_rows = used.rows.rows()
        self._predictor.give_back(move(space), size)
        return n_rows, found

    def score(self, batch, double[:, ::1] out):
        """Write the scores of a record batch that has the plan's columns to `out`, (rows, lanes).

        Returns
        -------
        bool
            Whether there are scores: none where a number is infinite or too large.
        """
        cdef Imported* rows = new Imported(<PyObject*>batch)
        cdef vector[Column] columns
        cdef int64_t i
        cdef cbool done = True
        try:
            if out.shape[0] != rows.length() or out.shape[1] != self._predictor.model.lanes():
                raise ValueError(f"{rows.length()} rows do not fit {out.shape[0]} x {out.shape[1]}")
            for i in range(rows.n_columns()):
                columns.push_back(rows.column(i))
            if out.shape[0]:
                with nogil:
                    done = self._predictor.score(columns, rows.length(), &out[0, 0])
            return done
        finally:
            del rows

    def answer(self, const double[:, ::1] scores, int accept, cbool names):
        """Return the answer for scores, (rows, lanes)."""
        cdef string out
        cdef const double* first = &scores[0, 0] if scores.shape[0] else NULL
        with nogil:
            self._predictor.answer(
                first, scores.shape[0], scores.shape[1], <Form>accept, names, out
            )
        return PyBytes_FromStringAndSize(out.data(), out.size())


cdef column_of(RequestColumn& column):
    if column.is_number():
        return (bytes_of(column.numbers().data(), 8 * column.numbers().size()),)
    valid = bytes_of(column.valid().data(), column.valid().size())
    if column.is_time():
        return bytes_of(column.times().data(), 8 * column.times().size()), valid
    offsets = bytes_of(column.offsets().data(), 8 * column.offsets().size())
    return offsets, PyBytes_FromStringAndSize(column.bytes().data(), column.bytes().size()), valid


cdef bytes_of(const void* first, size_t size):
    return PyBytes_FromStringAndSize(<const char*>first, size)
