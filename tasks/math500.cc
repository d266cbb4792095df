// MATH-500: 500 competition problems of the MATH test set (Lightman et al. 2023), answers in LaTeX, generated.
//
//   Problem:
//   Find the domain of the expression  $\frac{\sqrt{x-2}}{\sqrt{5-x}}$.
//
//   Solution: … Final Answer: The final answer is $[2,5)$. I hope it is correct.        four fixed shots
//
// HuggingFaceH4/MATH-500: {"problem", "solution", "answer", "subject", "level", "unique_id"}. A task of our own:
// prompts, shots and normalisation are those of lm_eval 0.4.13's minerva_math (tasks/minerva.h), so the prompts are
// those of its minerva_math500; the reference is the column `answer`. Two filters: strict-match takes the closing
// sentence, as upstream; flexible-extract takes the last \boxed{} where there is no such sentence. Not upstream's:
// equality beyond equal text is a proof by exact arithmetic instead of sympy's simplify, and there is no math_verify
// metric.
#include "tasks/common.h"
#include "tasks/common_math.h"
#include "tasks/minerva.h"

namespace pareto {
namespace {

constexpr const char* kNoAnswer = "[invalidanswer]";

std::string problem_text(std::string_view problem) { return fmt::format("Problem:\n{}\n\nSolution:", problem); }

Result<Question> ask_math500(const Row& row) {
  PARETO_TRY(const std::string_view problem, row.text("problem"));
  PARETO_TRY(const std::string_view answer, row.text("answer"));
  Question out;
  out.text = problem_text(problem);
  out.target = std::string(answer);
  return out;
}

// Lewkowycz et al. 2022, appendix D, and the sentence that closes each.
std::vector<Example> math_shots() {
  const auto closed = [](const char* problem, const char* solution, const char* answer) {
    return Example{problem_text(problem),
                   fmt::format("{}\nFinal Answer: The final answer is ${}$. I hope it is correct.", solution, answer)};
  };
  return {
      closed(R"(Find the domain of the expression  $\frac{\sqrt{x-2}}{\sqrt{5-x}}$.)",
             R"(The expressions inside each square root must be non-negative. Therefore, $x-2 \ge 0$, so $x\ge2$, and )"
             R"($5 - x \ge 0$, so $x \le 5$. Also, the denominator cannot be equal to zero, so $5-x>0$, which gives )"
             R"($x<5$. Therefore, the domain of the expression is $\boxed{[2,5)}$.)",
             "[2,5)"),
      closed(
          R"(If $\det \mathbf{A} = 2$ and $\det \mathbf{B} = 12,$ then find $\det (\mathbf{A} \mathbf{B}).$)",
          R"(We have that $\det (\mathbf{A} \mathbf{B}) = (\det \mathbf{A})(\det \mathbf{B}) = (2)(12) = \boxed{24}.$)",
          "24"),
      closed("Terrell usually lifts two 20-pound weights 12 times. If he uses two 15-pound weights instead, how many "
             "times must Terrell lift them in order to lift the same total weight?",
             R"(If Terrell lifts two 20-pound weights 12 times, he lifts a total of $2\cdot 12\cdot20=480$ pounds of )"
             R"(weight.  If he lifts two 15-pound weights instead for $n$ times, he will lift a total of )"
             R"($2\cdot15\cdot n=30n$ pounds of weight.  Equating this to 480 pounds, we can solve for $n$:)"
             "\n\\begin{align*}\n30n&=480\\\\\n\\Rightarrow\\qquad n&=480/30=\\boxed{16}\n\\end{align*}",
             "16"),
      closed(
          "If the system of equations\n\n\\begin{align*}\n6x-4y&=a,\\\\\n6y-9x &=b.\n\\end{align*}has a solution "
          "$(x, y)$ where $x$ and $y$ are both nonzero,\nfind $\\frac{a}{b},$ assuming $b$ is nonzero.",
          "If we multiply the first equation by $-\\frac{3}{2}$, we obtain\n\n$$6y-9x=-\\frac{3}{2}a.$$Since we also "
          "know that $6y-9x=b$, we have\n\n$$-\\frac{3}{2}a=b\\Rightarrow\\frac{a}{b}=\\boxed{-\\frac{2}{3}}.$$",
          R"(-\frac{2}{3})"),
  };
}

// The filters leave the normalised answer.
Filter answers_by(bool boxed_too) {
  return [boxed_too](std::vector<std::string> responses, std::span<const std::string>) {
    for (std::string& response : responses) {
      const auto sentence = minerva_final_answer(response);
      const bool boxed = boxed_too && !sentence && last_boxed(response).has_value();
      response = minerva_normalised(sentence ? *sentence : boxed ? math_answer(response) : kNoAnswer);
    }
    return responses;
  };
}

std::map<std::string, double> mark_math500(const std::string& filtered, const Document& document) {
  return {{"exact_match", minerva_equal(filtered, minerva_normalised(document.target)) ? 1.0 : 0.0}};
}

TaskEntry math500_entry() {
  TaskSpec spec;
  spec.info.name = "math500";
  spec.info.version = "1.0";
  spec.info.summary = "MATH-500: competition problems, LaTeX answers, four worked shots";
  spec.info.tags = {"math_word_problems"};
  spec.info.dataset = "HuggingFaceH4/MATH-500";
  spec.info.metrics = {{"exact_match"}};
  spec.documents = {"HuggingFaceH4/MATH-500", "default", "test", "math500"};
  spec.num_fewshot = 4;
  spec.sampler = Sampler::kFirstN;
  spec.fewshot_examples = math_shots();
  spec.generation_kwargs = R"({"until": ["Problem:"], "do_sample": false, "temperature": 0, "max_gen_toks": 1024})";
  spec.filters = {{"strict-match", {answers_by(false), take_first()}},
                  {"flexible-extract", {answers_by(true), take_first()}}};
  spec.ask = ask_math500;
  spec.mark = mark_math500;
  return task_entry(std::move(spec), make_generate_task);
}

const RegisterTask kMath500(math500_entry());

}  // namespace
}  // namespace pareto
