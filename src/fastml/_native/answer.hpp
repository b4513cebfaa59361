// Predictions as the text of an answer.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace fastml::request {

enum class Form : int { csv, json, lines };

// A row's prediction: a number, or a class and the probability of each.
class Answer {
  public:
    // Parameters of a classifier: the name of each class, and of the column of its probability, as
    // JSON and as delimited text; of a binary one the positive class is the last.
    std::vector<std::string> classes_json, classes_csv, names_json, names_csv;
    double threshold = 0.5;

    size_t classes() const noexcept { return classes_json.size(); }

    void write(Form form, bool header, const double* scores, int64_t n, int64_t lanes,
               std::string& out) const {
        if (form == Form::csv) {
            if (header) write_names(out);
            for (int64_t i = 0; i < n; ++i) write_csv(scores + i * lanes, lanes, out);
            return;
        }
        if (form == Form::json) out += "{\"predictions\":[";
        for (int64_t i = 0; i < n; ++i) {
            if (form == Form::json && i > 0) out += ',';
            write_record(scores + i * lanes, lanes, out);
            if (form == Form::lines) out += '\n';
        }
        if (form == Form::json) out += "]}";
    }

  private:
    size_t decided(const double* scores, int64_t lanes) const noexcept {
        if (lanes == 1) return scores[0] >= threshold;
        int64_t best = 0;
        for (int64_t l = 1; l < lanes; ++l) {
            if (scores[l] > scores[best]) best = l;
        }
        return static_cast<size_t>(best);
    }

    double probability(const double* scores, int64_t lanes, size_t of) const noexcept {
        if (lanes > 1) return scores[of];
        return of == 0 ? 1.0 - scores[0] : scores[0];
    }

    static void write_number(double value, const char* missing, std::string& out) {
        if (!std::isfinite(value)) {
            out += missing;
            return;
        }
        char digits[32];
        out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    }

    void write_names(std::string& out) const {
        out += "prediction";
        for (const std::string& name : names_csv) (out += ',') += name;
        out += '\n';
    }

    void write_csv(const double* scores, int64_t lanes, std::string& out) const {
        if (classes_csv.empty()) {
            write_number(scores[0], "", out);
        } else {
            out += classes_csv[decided(scores, lanes)];
            for (size_t c = 0; c < classes_csv.size(); ++c) {
                out += ',';
                write_number(probability(scores, lanes, c), "", out);
            }
        }
        out += '\n';
    }

    void write_record(const double* scores, int64_t lanes, std::string& out) const {
        out += "{\"prediction\":";
        if (classes_json.empty()) {
            write_number(scores[0], "null", out);
        } else {
            out += classes_json[decided(scores, lanes)];
            for (size_t c = 0; c < classes_json.size(); ++c) {
                ((out += ',') += names_json[c]) += ':';
                write_number(probability(scores, lanes, c), "null", out);
            }
        }
        out += '}';
    }
};

}  // namespace fastml::request
