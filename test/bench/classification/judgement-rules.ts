import type { Rule } from './rule.ts';

const rules = (subject: Rule['subject'], value: string, entries: Record<string, string>, against = false): Rule[] =>
  Object.entries(entries).map(([label, terms]) => ({ label, subject, value, terms, against }));

/** What speaks for an urgency, and for or against somebody who may become a customer. Asked of losses only. */
export const judgementRules: Rule[] = [
  ...rules('urgency', 'high', {
    'Wants it now':
      'right <-> (now | away) | asap | emergency | emergencia | urgente | urgent:A | immediately | hurry | straightaway | tonight | esta <-> noche | ahorita | ahora | please:A <-> (fast | come | hurry | help) | come:A <-> (now | today | quick | tonight | on) | today:A | hoy:A | (how | as) <-> (fast | quick | soon) | this <-> (minute | second | instant) | before <-> dark',
    'It goes on':
      'still:A <2> (coming | running | leaking | pouring | dripping | rising | going | spraying) | keeps <-> (coming | going | running | filling | dripping) | pouring | gushing | spraying | shooting | spewing | rising | won <-> t <-> stop | can <-> t <2> (stop | find | shut | turn | reach) | is:A <-> coming | coming <-> (up | down | through | in | out) | running <-> down | dripping:A <-> (in | on | into | through)',
    'Just happened':
      '(minutes | hour | hours) <-> ago | just <-> (now | left | came | fell | burst | happened | got | called | found | went | released | did) | this <-> morning | last <-> night | anoche | hace <2> (hora | horas | rato) | since <-> (six | supper | midnight | about) | early <-> this | overnight | an <-> hour',
    'Crew is sent at once':
      'on:D <-> (the <-> way | it | our <-> way) | (crew | crews | team | truck | technician | tech | somebody | people):D <3> (loading | leaving | heading | dispatched | there | out | rolling) | dispatch:D | dispatching:D | leaving:D <-> now:D | (forty | ninety | thirty | sixty | twenty):D <-> (minutes | five) | within:D <3> (hour | minutes | ninety) | inside:D <-> of:D | an:D <-> hour:D | vamos:D | shut:D | stay:D <2> (away | out | outside) | don:D <-> t:D <-> (touch | stand | go) | keep:D <-> (everybody | everyone | people | away | out)',
    'Cannot stay or open':
      'nowhere | got <-> no <-> place | anyplace | can <-> t <2> (sleep | stay | breathe | open | go | be) | closed:A <2> (down | us) | shut:A <2> down | evacuated | hotel:A | in <-> the <-> (car | truck | driveway | yard | lot) | standing <-> in | toddler | baby | oxygen | hospital | wheelchair | kids:A & (smoke | sewage | water)',
    Danger:
      'ceiling <3> (fell | down | collapsed | falling | sagging) | switch <-> plate | outlet:A | breaker | electrical <-> panel | live <-> wire | sparks | raw <-> sewage | blood:A | inches:A <3> water | gallons',
  }),
  ...rules('urgency', 'medium', {
    'Names a day':
      '(monday:A | tuesday:A | wednesday:A | thursday:A | friday:A | saturday:A | sunday:A | lunes:A | martes:A | miércoles:A | jueves:A | viernes:A | sábado:A) & !(rush | hurry | urgency)',
    'This week, tomorrow':
      'this <-> week | next <-> (few | couple <2> days) | tomorrow:A | mañana:A | couple <-> (of <-> days | days) | within <2> week | by <-> (friday | monday | thursday | wednesday | the <-> weekend) | before <-> (the <-> weekend | friday | monday | it) | esta <-> semana | next <-> week | in <-> the <-> next | (early | end <-> of) <2> week | ten <-> days | any <-> day',
    'Stopped, damage left':
      '(shut | stopped | fixed | repaired | capped | turned | sealed | off) & (since | days | saturday | sunday | monday | week | weekend | yesterday) & !(rush | hurry | years | months)',
    'Some days ago':
      '(two | three | four | few | couple) <-> days <-> (ago | later) | (last | on | over) <-> the:A <-> weekend | on <-> (saturday | sunday | monday | friday) | (it | was) <-> (saturday | sunday | monday | friday | tuesday) | yesterday',
    'Insurance asks for it':
      'adjuster:A | claim:A <-> (number | is | open) | insurer:A | deductible:A | my <-> insurance | inspector:A | health <-> department:A',
  }),
  ...rules('urgency', 'low', {
    'No hurry':
      'no <2> (rush | hurry | urgency) | not <2> (hurry | rush | urgent | emergency) | whenever:A | no <-> worries | take <-> your <-> time | (not | isn <-> t) <2> (urgent | emergency) | sin <-> prisa | no <-> me <-> urge | no <3> urge | sometime:A | eventually | at <-> some <-> point | down <-> the <-> road | in <-> no',
    'Months away':
      '(next | in <-> the | till | until | before | this | after | come):A <-> (spring | summer | fall | winter | year | month | thaw | may | april | june | new <-> year) | (the | a) <-> new <-> year | months <-> away | in <-> a <2> (months | years) | (spring | summer):A & (quote | price | estimate | list | idea)',
    'Long ago, dry now':
      '(years | year | months | while):A <-> (ago | back | old) | bone <-> dry | dry <-> now | long <-> (gone | ago) | for <-> years | (two | three | ten | few | couple) <2> years | every <-> (spring | winter | year) | nothing <-> active | in <-> (2019 | 2020 | 2021 | 2022 | 2023 | 2024) | since <-> (last | 2019 | june | march)',
    'Only pricing':
      'just <2> (pricing | curious | wondering | price | planning | a <-> quote | shopping | looking) | only <2> (pricing | after | want <3> price) | ballpark | rough <2> (idea | number | price | estimate) | what <3> (cost | charge | runs) | how <-> much | second <-> opinion | planning <-> ahead | lining <-> up | a <-> list | price:A <3> (mail | later) | couple <2> bids | thinking <2> (of | about) | a <-> number:A <-> for:A',
    'Buying or selling':
      '(buying | bought | selling | listing | foreclosure | offer | closing | realtor | inherited):A & (price | quote | rush | hurry | ballpark | estimate | spring | opinion | idea)',
  }),
  ...rules('qualified', 'true', {
    'Asks us to come':
      '(can | could | would | will):A <-> (you | someone | somebody | yall | y):A | send:A <3> (people | someone | somebody | crew | them | an) | come:A <2> (out | look | see | today | now | check | on | quick | by) | need:A <3> (someone | somebody | you | it | a | your | help) | (want | like):A <2> (someone | somebody | it | you | the) | pueden:A | necesito:A | quiero:A | quisiera:A | how <-> (soon | fast | quick) | when <-> (can | could) <-> (you | he | someone)',
    'An appointment is made':
      '(crew | crews | technician | tech | truck | estimator | team | somebody | someone):D & (address | minutes | hour | tomorrow | today | there | send | now | on) | we:D <-> (can | ll | will | have):D <3> (there | send | come | have | be | crew | do | get | meet | handle | quote) | what:D <2> address | address:D | (monday | tuesday | wednesday | thursday | friday):D <2> (at | it | morning | afternoon | perfect)',
    'Says where':
      '(i:A <-> m:A <-> (in | at | off | near | on | outside) | im:A <-> (in | at | on) | we:A <-> re:A <-> (in | at | off | near | on | outside) | it:A <-> s:A <-> in:A | estoy:A | estamos:A | vivo:A | house:A <-> is:A <-> in:A | out:A <-> (in | by | past))',
    'Speaks of insurance':
      'insurance:A | insurer:A | adjuster:A | claim:A | deductible:A | homeowner:A | seguro:A | landlord:A <3> (said | pay | pays)',
  }),
  ...rules(
    'qualified',
    'true',
    {
      'We do not do that':
        'we:D <-> (don:D <-> t:D | do:D <-> not:D | only:D | re:D <-> only:D | aren:D <-> t:D | are:D <-> not:D | can:D <-> t:D | re:D <-> not:D) | that:D <-> s:D <2> (no | not) | you:D <-> (d:D | would:D) <-> (want | need | have):D | no:D <-> (sir | ma | we):D | unfortunately:D | afraid:D | not:D <-> insured:D | not:D <-> (something | one):D',
      'Not a building':
        '(boat | houseboat | bilge | rv | camper | trailer | car | truck | pickup | vehicle | motorhome | seats | hull):A & (we:D | sorry:D | buildings:D | houses:D | unfortunately:D | only:D)',
      'School, study or survey':
        'student:A | (school | chemistry | class):A <-> project:A | project:A & paper:A | grade:A | science:A <-> fair:A | for <-> the <-> paper | interview:A | professor:A | quote:A <-> quote:A',
      'Will do it alone':
        'myself:A & (thanks | okay | try) | (i <-> ll):A <-> (try | ask | find | call | do | just <-> (do | try) | figure | look | bring | deal):A & (okay | thanks | thank | alright) | does:A <3> (vinegar | bleach | baking) | can:A <-> i:A <-> (just | use | paint | put | wash | clean | still):A | should:A <-> i:A | do:A <-> i:A <-> (need | have):A | is:A <-> it:A <-> (safe | okay | ok | true | bad | normal):A | how:A <-> do:A <-> (i | you <-> get):A | how <-> do <-> you <-> get | how:A <-> (high | long | hot | warm):A | can <-> t <-> afford | not <-> needing | home <-> remedy',
      'Too far':
        '(out <2> (area | state | country)):D | do:A <-> (you | y):A <2> (service | cover | serve) | too:D <-> far:D | nothing:D <-> in:D | only:D <-> (cover | serve):D | (don <-> t | not):D <2> (cover | service | serve | go)',
      'Never mind':
        'never <-> mind | just <-> (asking | a <-> question | curious) | i <-> m <-> just <-> (asking | curious | wondering) | so <-> (that | it) <-> s <-> a <-> no | worth <2> (try | shot) | thought <-> i <-> d <-> (ask | try) | (find | call | ask) <-> (someone | somebody) <-> (local | else)',
      'Outdoors or another trade':
        'french <-> drain | regrade | grading | excavat | landscap | septic <-> tank <-> pumped | exterminator:D | pest:D | plumber:D <3> (want | need) | dumpster:D | car:D <-> insurer:D',
    },
    true,
  ),
];

/** What the facts of a call speak for. No transcript teaches these weights, so they are chosen: gentle, as facts are hints. */
export const factRules: Rule[] = [
  {
    label: 'Nothing was said',
    subject: 'intent',
    value: 'other',
    terms: null,
    predicate: '$ ? (@.words == 0)',
    weight: 0.3,
  },
  {
    label: 'Rang off within 5 seconds',
    subject: 'intent',
    value: 'other',
    terms: null,
    predicate: '$ ? (@.duration_seconds > 0 && @.duration_seconds < 5)',
    weight: 0.5,
  },
  {
    label: 'Rang off within 5 seconds',
    subject: 'urgency',
    value: 'low',
    terms: null,
    predicate: '$ ? (@.duration_seconds > 0 && @.duration_seconds < 5 && @.answered == true)',
    weight: 0.5,
  },
  {
    label: 'Called several times',
    subject: 'urgency',
    value: 'high',
    terms: null,
    predicate: '$ ? (@.earlier_calls >= 2 && @.voicemail == false)',
    weight: 0.3,
  },
  {
    label: 'Called often before',
    subject: 'intent',
    value: 'other',
    terms: null,
    predicate: '$ ? (@.earlier_calls >= 3)',
    weight: 0.3,
  },
  {
    label: 'Talked for more than two minutes',
    subject: 'qualified',
    value: 'true',
    terms: null,
    predicate: '$ ? (@.duration_seconds > 120 && @.words > 0)',
    weight: 0.2,
  },
  {
    label: 'We called',
    subject: 'intent',
    value: 'other',
    terms: null,
    predicate: '$ ? (@.direction == "outbound")',
    weight: 1.5,
  },
  {
    label: 'We called',
    subject: 'qualified',
    value: 'true',
    terms: null,
    against: true,
    predicate: '$ ? (@.direction == "outbound")',
    weight: -1,
  },
];
