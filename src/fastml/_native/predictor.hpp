// From the bytes of a request to the bytes of its answer.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "request_csv.hpp"
#include "request_json.hpp"
#include "request_rows.hpp"
#include "score.hpp"

namespace fastml {

// What a thread needs while it handles a request.
struct Workspace {
    Workspace(const request::Names& names, const std::vector<request::Field>& fields,
              const request::CsvDialect& dialect, const score::Model& model,
              const score::Cores& cores)
        : rows(fields), csv(names, dialect), json(names), scorer(model, cores) {}

    request::RequestRows rows;
    request::CsvReader csv;
    request::JsonReader json;
    score::Scorer scorer;
    std::vector<Column> columns;
    std::vector<double> scores;
};

// Threads may share one: each borrows a workspace.
class Predictor {
  public:
    static constexpr int64_t kAtOnce = 2048;       // rows that stay in the cache between the steps
    static constexpr size_t kLargest = 1 << 22;   // bytes of a request whose room is kept,
    static constexpr int64_t kMostCells = 1 << 20;  // and its cells: a comma may be a number

    Predictor(std::vector<request::Field> fields, request::CsvDialect dialect,
              bool infinite_is_missing, request::Answer answer, score::Cores cores)
        : model(),
          fields_(std::move(fields)),
          names_(fields_),
          dialect_(std::move(dialect)),
          infinite_is_missing_(infinite_is_missing),
          answer_(std::move(answer)),
          cores_(cores) {}

    score::Model model;  // set before the first request

    void check() const {
        model.check(fields_);
        const size_t lanes = static_cast<size_t>(model.lanes()), classes = answer_.classes();
        score::require(lanes == 1 ? classes == 0 || classes == 2 : classes == lanes,
                       "there are not as many classes as scores");
    }

    std::unique_ptr<Workspace> take() {
        {
            const std::lock_guard<std::mutex> lock(lock_);
            if (!spare_.empty()) {
                auto space = std::move(spare_.back());
                spare_.pop_back();
                return space;
            }
        }
        return std::make_unique<Workspace>(names_, fields_, dialect_, model, cores_);
    }

    // The memory of a large request is let go, not kept for ever.
    void give_back(std::unique_ptr<Workspace> space, size_t bytes) {
        if (bytes > kLargest || space->rows.rows() * (space->rows.width() + 1) > kMostCells) return;
        const std::lock_guard<std::mutex> lock(lock_);
        spare_.push_back(std::move(space));
    }

    void read(Workspace& space, std::string_view body, request::Form form,
              request::Header header) const {
        space.rows.clear();
        if (form == request::Form::csv) {
            space.csv.read(body, header, space.rows);
        } else if (form == request::Form::json) {
            space.json.read(body, space.rows);
        } else {
            space.json.read_lines(body, space.rows);
        }
    }

    // The margins of the rows that were read, (rows, lanes).
    void margins(Workspace& space) const {
        const int64_t rows = space.rows.rows();
        space.scores.resize(static_cast<size_t>(rows * model.lanes()));
        view(space);
        for (int64_t first = 0; first < rows; first += kAtOnce) {
            const int64_t n = std::min(kAtOnce, rows - first);
            double* out = space.scores.data() + first * model.lanes();
            int64_t found;
            while ((found = space.scorer.margins(space.columns, first, n, out)) >= 0) {
                replace_infinite(space, found, first, n);
            }
        }
    }

    void finish(Workspace& space) const noexcept {
        space.scorer.finish(space.rows.rows(), space.scores.data());
    }

    void answer(const double* scores, int64_t n, int64_t lanes, request::Form form, bool names,
                std::string& out) const {
        answer_.write(form, names, scores, n, lanes, out);
    }

    void predict(std::string_view body, request::Form form, request::Header header,
                 request::Form accept, bool names, std::string& out) {
        auto space = take();
        read(*space, body, form, header);
        margins(*space);
        finish(*space);
        answer(space->scores.data(), space->rows.rows(), model.lanes(), accept, names, out);
        give_back(std::move(space), body.size());
    }

    // The scores of Arrow's columns; false where a number is infinite or too large.
    bool score(const std::vector<Column>& columns, int64_t rows, double* out) {
        check_columns(columns);
        auto space = take();
        for (int64_t first = 0; first < rows; first += kAtOnce) {
            const int64_t n = std::min(kAtOnce, rows - first);
            double* own = out + first * model.lanes();
            if (space->scorer.margins(columns, first, n, own) >= 0) return false;
            space->scorer.finish(n, own);
        }
        give_back(std::move(space), 0);
        return true;
    }

  private:
    // Columns are cast to a schema that comes from the same file as the fields, and may belie them.
    void check_columns(const std::vector<Column>& columns) const {
        score::require(columns.size() == fields_.size(), "a batch has not the columns of the fields");
        for (size_t i = 0; i < columns.size(); ++i) {
            const Column& column = columns[i];
            const request::Wants wants = fields_[i].wants;
            if (wants == request::Wants::text || wants == request::Wants::label) continue;  // `Lookup`
            const bool fits = wants < request::Wants::text
                                  ? is_numeric(column.kind)
                                  : column.kind == Kind::int32 || column.kind == Kind::int64;
            score::require(fits && column.dictionary == nullptr, "a column has not its field's type");
        }
    }

    void view(Workspace& space) const {
        space.columns.clear();
        for (int64_t i = 0; i < space.rows.width(); ++i) space.columns.push_back(space.rows[i].view());
    }

    // Take the infinities of a column for missing values, where the plan does; throw for others,
    // and for what a float32 cannot hold.
    void replace_infinite(Workspace& space, int64_t number, int64_t first, int64_t n) const {
        const score::Number& of = model.numbers[static_cast<size_t>(number)];
        request::RequestColumn& column = space.rows[of.column];
        for (int64_t row = first; row < first + n; ++row) {
            const double value = column.number(row);
            const float staged = static_cast<float>(value - of.to.shift);
            if (!std::isinf((staged - of.to.offset) * of.to.factor)) continue;
            const std::string where = request::at_row(row) + ", column " +
                                      request::quoted(column.field().name) + ": found ";
            if (!std::isinf(value)) {
                throw request::Fault(where + "a number that is too large (beyond 3.4e38, the range "
                                             "of a float32), expected a smaller one");
            }
            if (!infinite_is_missing_) {
                throw request::Fault(where + "an infinite number, expected a finite one or null");
            }
            column.forget(row);
        }
    }

    std::vector<request::Field> fields_;
    request::Names names_;
    request::CsvDialect dialect_;
    bool infinite_is_missing_;
    request::Answer answer_;
    score::Cores cores_;
    std::mutex lock_;
    std::vector<std::unique_ptr<Workspace>> spare_;
};

}  // namespace fastml
