#include "clients/demonstration/statements.h"

namespace waterline::demonstration {
namespace {

constexpr Statements kPraise[] = {
    {"They told us at the start what was already settled, and that helped.",
     "The summary came on the day they had promised.",
     "I could say that I disagreed, and nobody made it awkward.",
     "The papers were short and came in good time.", "My own story was handled with care."},
    {"One of us chaired the second half, with good support.",
     "We put two points on the agenda and both were talked through.",
     "When one person spoke too long, somebody noticed.", "We know who decides, and when.",
     "My bus fare was paid the same week."},
    {"I learned how the booking list works, and they learned why people miss it.",
     "The notes used the words we used.", "There was time for questions that were not on the list.",
     "Newcomers had someone beside them.",
     "They had looked up what was said before, so we did not start again."},
    {"We worked out the question together before anyone offered an answer.",
     "The time suited people who work shifts.",
     "I can point to the line in the new letter that came from us.",
     "Our small charity sat at the table as an equal.",
     "I would come again and bring a neighbour."},
};

constexpr Statements kFault[] = {
    {"We still have not heard what came of the last meeting.",
     "The papers came the evening before, and there were forty pages.",
     "It felt as if the answer was known before we came.",
     "I was asked to speak for all patients, which I cannot.",
     "Nobody told me who would see what I said."},
    {"The agenda was set somewhere else.", "We were in the room, but not in the decision.",
     "I am still waiting for my expenses.", "It was not clear who takes this further.",
     "The same two voices filled the hour."},
    {"The notes do not sound like us.", "There was no time left for questions.",
     "We had told another team all this last year.",
     "Too many short forms of words that nobody explained.",
     "I came away knowing no more than before."},
    {"I cannot see that anything changed because we came.",
     "We were shown three designs and asked to like one.", "The room was a long walk from the bus.",
     "Staff said it went well; I am not sure we were at the same meeting.",
     "People who are often left out were left out again."},
};

}  // namespace

const Statements& Praise(int practice) { return kPraise[practice]; }
const Statements& Fault(int practice) { return kFault[practice]; }

}  // namespace waterline::demonstration
