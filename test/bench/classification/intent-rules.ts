import type { Rule } from './rule.ts';

/**
 * What speaks for an intent. `:A` is said by the caller, `:D` by whoever answered; `<->` next to each other, `<2>` with a word between.
 * Words are stemmed; nothing is a stop word, and "don't" is two words.
 */
const rules = (value: string, entries: Record<string, string>): Rule[] =>
  Object.entries(entries).map(([label, terms]) => ({ label, subject: 'intent', value, terms }));

export const intentRules: Rule[] = [
  ...rules('water', {
    'Pipe or hose broke':
      '(pipe | line | hose | tubing | valve | supply | copper | spigot | bib | faucet | hydrant | riser | radiator | main | fitting | tubo | tubería | manguera | llave) & (burst | bust | busted | broke | broken | split | froze | frozen | crack | cracked | snapped | popped | rompió | reventó | reventado | congeló | blew | came <-> off)',
    Flooding:
      'flooded:A & !(not <3> flooded) | inundado | inundada | inundó | inundación | inundation | inondé | submerged | (flood <-> (water | waters)) | (creek | river | lake) & (rose | rising | in <3> (house | living | basement | room))',
    'Standing water':
      '((inch | inches | foot | feet | ankle | knee | shin | centimeter | centimetre | cm) <-> (of | deep)) & water | standing <-> water | puddle | pooling | pooled | (lake | pond | creek | fountain | waterfall | swimming <-> pool) & (floor | room | basement | kitchen | hall)',
    'Leak inside':
      '(leak | leaked | leaking | leaks | leaky | seep | seeping | seepage | drip | dripping | drips | trickle | weeping | gotera | goteando | goteaba | fuga) & (ceiling | wall | floor | basement | cabinet | carpet | drywall | subfloor | attic | light | roof | closet | window | skylight | techo | pared | piso)',
    'Water comes in':
      '(water | agua) <3> (come | coming | came | running | runnin | pouring | gushing | shooting | spraying | dripping | everywhere | down | through | up | in | out | spewing)',
    'Raining inside':
      '(raining | rained | pouring | storm | rain | hurricane | derecho | tornado | typhoon | ice <-> dam | snowmelt | melt | tarp | tarped) & (ceiling | attic | roof | basement | carpet | wall | inside | closet | skylight | room)',
    'Appliance or fixture overflowed':
      '(washer | washing | dishwasher | toilet | sink | tub | bathtub | fridge | refrigerator | icemaker | heater | boiler | tank | aquarium | waterbed | humidifier | ac | condensate | furnace | softener | sump | pump | sprinkler | shower | fountain | lavadora | calentón) & (overflow | overflowed | overflowing | leak | leaked | leaking | dumped | dumping | quit | failed | ran <-> over | gave <-> out | popped | running | drip | dripping | soaked | water)',
    'Sprinkler discharged':
      'sprinkler & (head | popped | went <-> off | discharge | discharged | discharging | water | hit | soaked)',
    Soaked:
      'soaked | soaking | soggy | squishy | sopping | drenched | saturated | waterlogged | mojado | mojada | mojó | spongy | wet <-> (carpet | floor | drywall | wall | insulation)',
    'Floor buckles':
      '(floor | hardwood | laminate | plank | vinyl | board | boards | wood | tile | cork | maple | baseboard | cabinet) & (buckling | buckled | cupping | cupped | warped | warping | swollen | swelling | lifting | peaking | hump | bubbling | delaminating | popping)',
    'Ceiling sags':
      '(ceiling | drywall | sheetrock | techo | plaster) & (sag | sagging | bubble | bulge | bulging | fell | falling | collapsed | caved | came <-> down | stain | stained | spot | ring | rings | brown | soft)',
    'Drying wanted':
      '(dry | dried | drying | dry <-> out | extract | extraction | extractor | pump <-> (out | it) | dehumidifier | dehu | fans | moisture <-> (meter | check | reading) | mitigation | shop <-> vac)',
    'Water shut off':
      '(shut | shutoff | turned | turn | cut | capped | stopped | cerré) & (water | main | valve | agua | off) & (water | pipe | leak | floor | ceiling | basement)',
    'Burst while frozen': '(froze | frozen | freeze | thawed | burst) & (pipe | pipes | line | tubo | heat)',
    'Water mentioned by the caller': 'water:A | agua:A | wet:A | damp:A | moisture:A | moist:A | l <-> eau:A',
  }),
  ...rules('fire', {
    'Fire at the property':
      '(fire:A | incendio:A | fuego:A | flames:A | blaze:A) & (kitchen:A | house:A | garage:A | electrical:A | dryer:A | grease:A | stove:A | oven:A | chimney:A | apartment:A | unit:A | room:A | department:A | extinguisher:A | barn:A | deck:A | attic:A | neighbor:A | cocina:A | casa:A | roof:A | space:A | candle:A | marshal:A)',
    'Caught fire, burned':
      'caught <-> fire | caught <2> fire | on <-> fire | burned | burnt | burning | burn | burns | quemó | quemado | quemada | quemados | scorched | scorch | charred | char | singed | melted | went <-> up <2> flames | blaze | arson',
    Smoke: 'smoke:A | smoky:A | smoked:A | smokey:A | humo:A | smoldering:A | smelled <2> smoke | fumée:A',
    Soot: 'soot | sooty | ash | ashes | hollín | tizne | greasy <-> film | oily <2> black | residue & (black | smoke | gray | grey)',
    'Furnace puff-back':
      'puff <-> back | puffback | puffed <-> back | back <-> fired | backfired | backdrafted | backdraft | furnace & (soot | black | specks | smoke | oily) | woodstove & (smoke | black | soot)',
    'Fire fighters':
      'fire:A <-> (department | dept | truck | trucks | marshal | chief | hall | men | fighters | inspector | investigator) | firefighters | fireman | firemen | bomberos | fire <-> extinguisher | extinguisher',
    'Board-up':
      'board <-> (up | it) | board:A <2> up | boarded:A <2> up | boarded:D | plywood:A & (window:A | door:A) | tapar <3> ventana',
    'Smells burnt':
      '(smell | smells | odor | stink | stinks | stench | huele | reek | reeks) & (smoke | burnt | burned | fire | plastic | barbecue | campfire | ashtray | nicotine | humo | quemado | cigarette | cigarettes | smokers | fried)',
    Nicotine:
      'nicotine | smoker | smokers | cigarette | cigarettes | chain <-> smoker | smoked <3> (years | pack | packs | day)',
    'Lightning or wiring':
      '(lightning | wiring | wires | outlet | electrical | panel | battery | batteries | breaker | space <-> heater | lithium) & (fire | smoke | burnt | burned | scorched | charred | melted | struck | sparks | scorch | caught)',
    'Cooking fire':
      '(grease | fryer | pan | oven | stove | toaster | microwave | grill | hood | pot | turkey | candle | candles | lint | dryer) & (fire | smoke | burned | burnt | caught | flames | scorched | melted)',
    'Contents, pack-out':
      '(contents | pack <-> out | packout | textiles | drapes | clothes) & (smoke | soot | fire | smell)',
  }),
  ...rules('mold', {
    Mold: 'mold:A | mould:A | moldy:A | mouldy:A | mildew:A | mildewy:A | moho:A | molds:A | moisissure:A | mode:A <-> behind:A | black:A <-> (mole:A | mode:A | more:A)',
    'Mold, said twice or by both':
      '(mold:A | mould:A | mildew:A | moho:A | moldy:A) & (mold:D | mould:D | mildew:D | moho:D | moldy:D | microbial:D | spores:D)',
    'Something grows':
      '(growing | grew | growth | growin | grown | fuzzy | fuzz | fuzzies | furry | fluff | fluffy | hairy | colonies | velvet | cottony | slimy | speckled | specks | dots) & (wall | ceiling | closet | drywall | joists | studs | attic | crawl | basement | carpet | shelves | vent | vents | tile | sheetrock | baseboard | corner | bathroom | sheathing | rafters)',
    'Black or green spots':
      'hongos | hongo | pelusa | ((white | black | gray | grey | green) <-> (fur | powder | patches)) | ((black | green | grey | gray | white | dark | pink | orange | negra | negras | verde) <3> (spots | spot | stuff | patch | patches | splotches | specks | dots | fuzz | fuzzy | mold | mould | manchas | mancha | stain | stains | velvet | map | furry | dust | growth | slime)) | (manchas | mancha) <2> (negra | negras | verde)',
    'Growth after the leak':
      '(fixed | dried | repaired | stopped | resolved | sealed | gone | replaced) & (mold:A | mould:A | moldy:A | mildew:A | moho:A | growth:A | growing:A | fuzz:A | fuzzy:A | fur:A | mole:A | spots:A)',
    'Mold, as a machine hears it': 'mole:A | mode:A & (black | wall | bathroom)',
    'Microbial, spores':
      'microbial | spore | spores | aspergillus | stachybotrys | penicillium | mycotoxin | mycotoxins | fungus | fungal | fungi | mushroom | mushrooms',
    'Remediation, clearance':
      'remediation | remediate | remediated | remediator | clearance | protocol | air <-> (test | tests | tested | quality | sample | samples | sampling | testing) | hygienist | negative <-> air',
    'Musty smell':
      'musty | mustiness | mustier | mushrooms | moldy <-> smell | mildewy | huele <2> humedad | (smell | smells | odor) & (damp | basement | dirt | sock | socks | earthy | old <-> (books | library) | gym <-> bag) & (closet | crawl | basement | vent | vents | wall | attic)',
    'Makes somebody ill':
      '(asthma | asthmatic | wheezing | wheeze | cough | coughing | tos | allergy | allergies | allergist | sinus | lungs | breathing | breathe | inhaler | nebulizer | doctor | pediatrician | headaches | sneezing | congested) & (mold | mould | mildew | moho | black | fuzzy | vent | closet | spots)',
    'Bleach did not help':
      '(bleach | bleached | vinegar | cloro | wiped | scrubbed | scrub | painted <-> over | kilz) & (back | again | came | comes | returns | volvió | keeps)',
    'Inspector found it':
      '(inspector | inspection | inspected | appraiser) & (mold | mould | microbial | growth | staining | attic | crawl | suspected)',
    'Crawl space or attic growth':
      '(crawl | crawlspace | attic | joists | sheathing | rafters) & (mold | mould | white | black | fuzzy | growth | microbial | moldy | spores)',
  }),
  ...rules('biohazard', {
    Sewage:
      'sewage | sewer | sewers | septic | raw:A | sanitary:A | black <-> water | blackwater | aguas <-> negras | aguas <-> servidas | drenaje | cesspool | lift <-> station | holding <-> tank | lagoon | effluent | leach <-> field | cleanout',
    'Sewage on the floor':
      '(sewage | sewer | septic | raw | sanitary | holding <-> tank | toilet <-> water | waste) & (basement | floor | floors | drain | drains | tub | shower | toilet | toilets | carpet | hall | hallway | bathroom)',
    'Toilet backs up':
      '(toilet | toilets | commode | commodes | drain | drains | tub | shower | stack | main | line | excusado | inodoro) <4> (backing <-> up | backed <-> up | backs <-> up | back <-> up | backup) | (backed | backing | backs | come | came | coming) <-> (up | out) <4> (tub | toilet | toilets | shower | commode | drain | drains)',
    'Human waste':
      '(human | raw | solid) <-> waste | feces | faeces | fecal | poop | pooped | poo | turds | crap | doo | excrement | excremento | excremento | heces | diarrhea | vomit | vomited | threw <-> up | throwing <-> up | puke | norovirus | defecated | soiled | urine | pee | peed | peeing | orina | popó | diapers | bodily | body <-> fluids | incontinent',
    Death:
      '(passed <-> away) | (passed:A <3> (home | sleep | bed | chair | apartment)) | died:A | dead:A <-> (body | man | woman | person | guy) | deceased | suicide | unattended | decomposed | decomposing | decomposition | decomp | corpse | coroner | (medical <-> examiner) | falleció | fallecido | murió | muerto | took <-> his <-> (own <-> life | life) | shot:A <-> (himself | herself) | harmed <-> (himself | herself) | hung <-> himself | found <3> (dead | body | after) | overdose | overdosed | morgue | funeral:A',
    Violence:
      'stabbing | stabbed | shooting:A | shotgun | gunshot | homicide | murder | murdered | crime <-> scene | assault | assaulted | beaten | police <3> (released | finished | done | cleared) | (sheriff | deputy | deputies | detective | detectives | constable) & (released | blood | scene | body)',
    Blood: 'blood | bloody | bleeding | bled | sangre | bloodstain | bloodstains',
    Hoarding:
      'hoarding | hoarder | hoarded | hoard | (stacked | piled | trash | junk | garbage | basura | stuff) <3> (ceiling | high | techo | waist | chest) | kept <-> (everything | things) | keeping <-> things | animal <-> hoarding',
    Droppings:
      'droppings | guano | bats | bat <-> (poop | droppings) | pigeon | pigeons | rats | rat | mice | mouse <-> droppings | rodent | rodents | (raccoon | raccoons | squirrels | chickens) & (attic | ceiling | wall | insulation | droppings | waste | toilet | latrine | floor) | hantavirus | histoplasmosis | latrine | roundworm | ratones | murciélagos | maggots | maggot | flies | infested | infestation | carcass',
    'Needles, drugs':
      'needles | needle:A | syringe | syringes | sharps | meth | fentanyl | heroin | paraphernalia | drug <-> (house | lab | den) | tear <-> gas | teargas | pepper <-> spray | chemicals <3> cooking',
    Disinfecting:
      'disinfect | disinfected | disinfecting | disinfection | decontaminate | decontaminated | decontamination | bio <-> hazard | sanitized | sanitize | desinfectar | infectious | covid | mrsa | contagious',
    'Trauma cleanup':
      'trauma | scene <-> (clean | cleaner | cleaners | cleaning | cleanup) | victim <-> services | discreet | unmarked',
    'Animals soiled it':
      '(cats | cat | dogs | dog | kennel | animals) & (urine | pee | feces | mess | stench | soaked | ammonia | poop)',
  }),
  ...rules('sales_pitch', {
    'Offers marketing':
      'seo | google:A <2> (listing | listed | profile | ads | ranking | maps | guaranteed | reviews | business) | ranking | rankings | rank | website <-> (design | redesign) | redesign | advertise | advertising | advertisement | ad:A <-> (space | campaign) | billboard | sponsor | sponsors | sponsorship | directory | publicidad | radio | podcast | social <-> media | reputation | five <-> star | reviews:A & (more | platform | automatically | text) | video <2> (ad | marketing | commercial) | mailers | flyers | coupon <-> (book | mailer) | banner | decals | wraps | wrap | print <-> (ad | edition)',
    'Offers leads':
      '(lead:A | leads:A) & (exclusive | buy | sell | program | guaranteed | month | generation | qualified | territory | zip | per | pay | market | exchange | transfer | free) | live <-> transfer | live <-> transfers | pay <-> per | referral <-> (network | program | fee | partner) | book <-> the <-> job | jobs <3> (calendar | month)',
    'Offers money':
      '(working <-> capital) | (line <-> of <-> credit) | (business | merchant | equipment) <2> (loan | loans | advance | funding | capital | financing | finance) | cash <-> advance | pre <-> approved | preapproved | pre <-> qualified | factoring | funding | lender | refinance | employee <-> retention | tax <-> (credit | relief | debt) | invest | investors | préstamo | financiamiento',
    'Offers card processing':
      '(credit <-> card | card | payment | merchant) <2> (processing | processor | terminal | reader | fees) | interchange | swipe | point <-> of <-> sale',
    'Offers insurance or benefits':
      '(workers | worker) <2> comp | general <-> liability | health <-> (plan | plans | insurance | coverage) | key <-> man | medicare | premium:A | group <-> (health | benefits) | 401k | retirement <-> plan | renewal:A | extended <-> warranty | payroll <-> (service | company | provider)',
    'Offers software or phones':
      'software | app:A & (demo | trial | month | users | job) | platform | crm | dashboard | automation | automated | ai:A | chatbot | answering <-> service | call <-> center | voip | fiber | internet <-> (provider | service | plan) | phone <-> system | handsets | screen <-> share | onboarding | subscription | virtual <-> assistant | receptionists | bookkeeping | outsourc | outsourcing | dispatching <-> software | estimating <-> software',
    'Offers staff':
      'staffing | recruiter | recruiting | recruitment | (place | placing | provide | send) <3> (techs | technicians | workers | laborers | estimators | guys) | temp <-> (agency | labor | to <-> perm) | markup | talent <-> agency | subcontractor | subcontract | sub <-> contract | candidate:A | candidates:A',
    'Offers supplies or equipment':
      '(we | i) <3> (sell | supply | carry | distribute | manufacture | stock) | wholesale | distributor | supplier | toner | copier | uniforms | uniform | coffee <-> service | vending | free <-> (sample | samples | case) | refurbished | by <-> the <-> (pallet | case | drum) | drums <3> (half | price) | lease:A <3> (equipment | truck | fleet) | truck <-> mount | truckmount | air <-> movers <5> (price | off | deal | list | sale) | respirators <3> case',
    'Offers fleet, energy, cleaning, paving':
      'solar | energy <-> (supplier | bill | rate | broker) | electric <-> (bill | account | rate) | kilowatt | sealcoat | sealcoating | asphalt | paving | striping | janitorial | office <-> cleaning | window <-> (washing | washer) | landscaping:A <2> service | fleet <-> (card | cards | fuel | tracking) | fuel <-> card | gps | dash <-> cam | dashcam | cameras:A | alarm <-> system | cámaras | water <-> cooler | bottled <-> water | pest <-> (control <-> (plan | contract)) | shredding | dumpster <-> (rental | service | prices) | junk <-> hauling',
    'Award or directory':
      'nominated | award | plaque | complimentary | congratulations | selected | magazine | featured | chamber:A | best <-> of | top <-> rated | who <2> who | cruise | gift <-> card | calendar <-> (sponsor | ad) | scoreboard | yearbook | raffle | fundraiser | benevolent | donation | donate | gala | golf <-> (tournament | outing) | little <-> league | booster',
    'Asks for the owner':
      '(owner:A | manager:A | dueño:A | encargado:A | boss:A | decision:A | gm:A) & (speak:A | talk:A | reach:A | available:A | around:A | handles:A | is:A <2> the:A | makes:A | hablo:A | comunica:A | business:A <-> owner:A)',
    'Who handles it':
      'who:A <-> (handles | takes | does | signs | manages | is <3> charge | do <-> you <-> use) | person:A <-> (in | who | that) <2> (charge | handles | responsible | takes) | handles <-> (your | the) | decision <-> (maker | makers) | takes <-> care <-> of <-> (the | your)',
    'Speaks as a company':
      '(calling:A <-> (from | with | on <-> behalf)) & (we | our | your <-> (business | company)) | on <-> behalf <-> of | reaching <-> out | our <-> (company | program | platform | service | services | clients | product | network | technology | system | agency) | we <-> (offer | provide | help | specialize | partner | represent | guarantee | work <-> with) | i <-> (represent | am <-> with <2> agency) | le <-> (llamo | hablo) <3> (ofrecer | ofrecerle | empresa | agencia | parte) | ofrecer | ofrecerle | ofrecemos',
    'Prices it':
      'per <-> (month | lead | call | user | seat | minute | transfer | truck | head | job | employee) | a:A <-> month:A | percent:A | zero <-> (down | cost | percent) | no <-> (retainer | contract | upfront | obligation | commitment | cost | credit <-> check) | half <-> price | half <-> off | discount | at <-> no <-> (cost | charge) | free <-> (trial | month | quote | audit | consultation | estimate <2> your) | first <-> (month | one) <2> (free | on) | introductory | special | promotion | promo | lock <-> in | rate:A | rates:A | guarantee:A | savings | save <2> (money | percent | thousand | hundred)',
    Robocall:
      'press <-> (one | two | 1 | 2 | nine | 9 | three) | this <-> is <-> not <-> a <-> sales | isn <-> t <-> a <-> sales | not <-> selling | not <-> a <-> sales <-> call | courtesy <-> (call | shipment) | final <-> (notice | attempt) | limited <-> time | do <-> not <-> call <-> list | removed <-> from | offer <-> expires | our <-> records <-> (indicate | show) | has <-> been <-> selected | specialist | representative:A | stay <-> on <-> the <-> line',
    'Asks for a meeting':
      '(fifteen | ten | five | two | twenty | sixty | thirty | quick) <-> (minutes | minute | seconds | call) | fifteen <-> minutes | quick <-> (question | call | chat | one) | send <3> (information | info | email | video | link | brochure | proposal | sample | deck) | stop <-> by <3> (drop | introduce | show) | drop <2> (off | samples) | set <-> up <2> (call | meeting | demo | time | trial) | calendar:A | buy <-> you <-> (lunch | coffee) | follow <-> up <2> (email | on) | following <-> up <3> (email | request)',
    Declined:
      '(not:D <-> interested:D) | (take:D <-> us:D <-> off:D) | (take:D <-> me:D <-> off:D) | no:D <-> thanks:D | no:D <-> thank:D | already:D <-> have:D | we:D <-> (have:D <2> (one | guy | already | someone)) | don:D <-> t:D <-> (buy | need | want | give | order) | happy:D <-> with:D | not:D <-> buying:D | we:D <-> re:D <-> (good | fine | set | covered | all <-> set) | remove:D <-> us:D | no <-> nos <-> interesa | don <-> t <-> call | we:D <-> own:D | we:D <-> like:D | through:D <-> corporate:D | is:D <-> this:D <2> (sales | recording) ',
    'Offers hands, loans, clearing':
      'day <-> labor | short <-> handed | staffed | background <-> checked | snow <-> (clearing | removal | plowing) | seasonal <-> (price | contract) | dollars <-> a <-> (head | month | lead | piece) | a <-> head | loan:A | loans:A | supplement <-> service | supplements | we <2> (rewrite | place | sell | make | build | design | finance | buy | generate | run | write)',
    'Wants referrals from us':
      '(referral | referrals | refer | referring | partner | partnership | partnering | trade <-> (jobs | leads) | send <-> (us | me | you) <3> (business | work | jobs | customers)) & (we:A | i:A | my:A | our:A) & (plumber | plumbers | plumbing | network | roofer | roofing | adjuster | agents | realtor | contractor | business | company | outfit | percent | fee)',
  }),
  ...rules('wrong_number', {
    'Wrong number':
      'wrong <-> (number | place | one | restoration | person | company | line) | misdialed | misdialled | dialed <2> wrong | wrong <-> digit | número <-> equivocado | marqué <-> mal | mal <-> el <-> número | my <-> bad | dialed:D | by <-> accident | off <-> by <-> one | mauvais <-> numéro | transposed | pocket <-> dialed | butt <-> dialed',
    'Is told who we are':
      '(this:D <-> is:D <-> (a:D | an:D) | you:D <-> ve:D <-> reached:D | you:D <-> ve:D <-> got:D | you:D <-> have:D <-> reached:D | we:D <-> re:D <-> (a:D | an:D) | it:D <-> s:D <-> a:D | it:D <-> is:D <-> a:D | aquí:D <-> es:D) & (restoration:D | restauración:D | cleanup:D | damage:D | business:D | contractor:D | company:D | private:D | flood:D)',
    'No such person here':
      '(no:D <2> (here | by <-> that <-> name)) | there:D <3> no:D | (nobody:D | no:D <-> one:D) <3> (here:D | name:D) | isn:D <-> t:D <-> (here | the | a) | not:D <-> the:D | no:D <-> (sir | ma | maam | señora | señor)',
    'We are not that':
      '(we:D <-> (only:D | don:D | do:D | re:D <-> not:D | are:D <-> not:D | fix:D | restore:D | clean:D)) & (you:D <-> (d:D | want:D | need:D | would:D | should:D | ll:D) | sorry:D | restoration:D | number:D)',
    'Asks for another business':
      '(is:A <-> this:A | is:A <-> it:A | es:A | i:A <3> trying:A | trying:A <-> to:A <-> reach:A | looking:A <-> for:A | calling:A <-> (for | about) | did:A <-> i:A <-> (reach | call)) & (pizza | pharmacy | dentist | dental | doctor | dr | clinic | clínica | salon | school | church | iglesia | restaurant | vet | veterinary | veterinarian | bank | hotel | motel | library | dmv | court | courthouse | jury | police | hospital | airline | airport | flight | museum | theater | theatre | gym | daycare | tow | towing | locksmith | plumber | plumbing | electrician | electric | utility | gas <-> company | cable | internet | tire | tires | auto | mechanic | body <-> shop | collision | dealership | cab | taxi | unemployment | social <-> security | irs | county | city <-> hall | waterworks | water <-> department | animal <-> control | wildlife | humane | shelter | furniture | upholstery | antiques | storage | moving | landlord | apartments | leasing | front <-> desk | bakery | florist | flowers | barber | spa | nails | casino | radio <-> station | post <-> office | boutique | bus | ferry | marina)',
    'Order or appointment elsewhere':
      'pizza | pepperoni | mushroom <2> half | calzone | garlic <-> knots | takeout | pickup <-> order | haircut | highlights | manicure | prescription | refill | pills | copay | tooth | dentures | crown | eye <-> exam | glasses <-> ready | table <-> for | tee <-> time | puppy | kitten | vet | oil <-> change | brakes | bumper | windshield | tow | flight | rebooking | boarding <-> pass | jury <-> duty | driver <-> license <2> renew | birthday | bible | choir | mass <-> times | sermon | soccer | hockey | peewee | cita | sublet | couch <2> (sale | available) | sofa | marketplace | still:A <-> available:A | for:A <-> sale:A | listing:A <2> (dresser | bike | car) | lawnmower | mower | tarot | lottery | burrito | tamales | catering | bouquet | taxi | cab | ride | uber',
    'Family or friend':
      'mom:A | mommy:A | grandma:A | grandpa:A | grandson:A & love | abuela:A | mijo:A | mija:A | love <-> (you | ya) | sweetie:A | babe:A | baby:A & call | auntie:A | happy <-> birthday | new <-> phone | it <-> s <-> me:A | te <-> quiero',
    'Asks for a person by name':
      'this:A <-> isn:A <-> t:A | this:A <-> is:A <-> not:A | who:A <-> is:A <-> this:A | then:A <-> (who | why) | isn <-> t <-> this:A | oh:A <-> (you <-> re <-> not | i <-> m <-> sorry | this <-> isn | shoot | no) | sorry:A <-> (about | to | for) <2> (that | bother) | sorry:A <-> wrong | disculpe:A | perdón:A | gave:A <-> me:A <3> (number | this) | number:A <3> (fridge | magnet | google | old | off)',
    'Not the one they meant':
      'this:D <-> isn:D <-> t:D | this:D <-> isnt:D | we:D <-> re:D <-> not:D | were:D <-> not:D | you:D <-> (d:D <-> (want | need) | want) | call:D <-> (the | your) | try:D <-> the:D | dial:D <-> (the | 911 | 311)',
    'Public service':
      '(water | power | electric | gas | hydro) <-> (department | company | utility | bill | outage) | outage | no <-> (water | power) <2> (street | block | taps) | animal <-> control | non <-> emergency | 311 | unemployment | passport | jury | social <-> security | food <-> stamps | voter | meter <-> reading | trash <-> pickup | garbage <-> (day | collection) | streetlight | snow <-> (plow | removal)',
  }),
  ...rules('other', {
    'Has experience, wants work':
      '(hiring | hire | position | opening | openings | posting | posted | applied | apply | resume | jobs) & (experience | certified | cert | certification | license | abstract | resume | shift | laid <-> off | years | pay | hours) & !(agency | staffing | place | placed | recruiter | markup)',
    'About work already done':
      '(you:A | your:A <-> (guys | crew | company | people | folks | fellow)) <4> (dried | rebuilt | finished | cleaned | installed | replaced | packed | painted | did) | you <-> guys <-> did | y <-> all <-> (did | dried | cleaned | came)',
    Billing:
      'billing:A | mailed <3> check | second <-> notice | owe:A <3> (you | deductible) | my:A <-> (invoice | bill | balance) | your:A <-> (invoice | bill)',
    'Machines to be fetched':
      '(máquinas | ventiladores | aspiradora) & (vienen | recoger | dejaron | prendidas) | (fans:A | machines:A | dehumidifiers:A | equipment:A) <6> (still:A | loud:A | running:A | picked:A | pick:A | left:A | here:A)',
    'Looks for work':
      'are <-> you <2> hiring | now <-> hiring | hiring <-> sign | (job | position | opening | openings | posting | posted | role) <3> (open | board | for | online | opening | mitigation | technician) & (apply | application | applied | resume | résumé | experience | certified | certification | cert | pay | interview | shift | posting | saw) | apply | applied | applying | application:A | resume | résumé | interview:A | internship | apprentice | apprenticeship | placement:A | background <-> check | record <-> check | now <-> hiring | w <-> 2 | w2 | paystub | pay <-> stub | payroll:D | last <-> (check | paycheck) | empleo | solicitud',
    'Your crew was here':
      '(your | you) <-> (guys | crew | guy | people | folks | team | tech | technician | techs | men | fellas | fella | boys | man | driver | painter | fellow) | you <-> (guys | folks | all | people) <-> (did | were | was | came | left | have | had | put | installed | dried | rebuilt | fixed | cleaned) | you <-> (did | dried | rebuilt | cleaned | were <-> here | came <-> out | have <-> (my | our) | had <-> (you | folks)) | when <-> you <-> (did | were)',
    'Equipment on site':
      '(fan | fans | dehumidifier | dehumidifiers | machine | machines | equipment | hose | blower | blowers | air <-> mover) & (pick <-> (up | them | it) | picked <-> up | picking <-> up | come <-> (get | back) | loud | noise | noisy | still <-> running | left | turn <2> (off | down) | your | unplug | electric <-> bill)',
    'Bill or paperwork':
      'dry <-> logs | drying <-> log | drying <-> logs | moisture <-> (reading | readings | logs) | taxes & paid | year <-> end | business <-> license | contractor <-> license | power <-> of <-> attorney | invoice | invoices | bill:A <3> (from | for | you) | receipt | receipts | statement | overcharged | lien | accounts <-> (receivable | payable) | deposit <2> (back | check) | paid <2> (you | already | deductible | it) | deductible:A <3> (paid | owe | twice | again) | certificate <-> of <-> (completion | insurance | satisfaction) | w <-> 9 | w9 | coi | direction <-> to <-> pay | final <-> invoice | check <-> (number | came | arrived | made) | cheque | endorse | mortgage <-> (company | check) | release:A <2> (payment | funds)',
    'Adjuster or claims desk':
      '(adjuster:A | adjusters:A | claims:A <-> (department | desk | examiner | office | rep) | underwriter | carrier:A | desk <-> adjuster | adjusting <-> firm | reviewer | auditor | consultant | hygienist:A | subrogation:A) & (logs | log | estimate | photos | photo | invoice | report | moisture | scope | documentation | file | confirmation | reviewed | review | authorization | supplement | line <-> items | xactimate)',
    Appointment:
      'cancelar | cancel:A <3> (thursday | appointment | estimate | visit) | (it <-> ll <-> be | we <-> ll <-> be):A <3> (instead | late) | reading <-> ready | reschedule | rescheduled | rescheduling | (cancel | move | switch | confirm | change | push) <4> (appointment | thursday | friday | monday | tuesday | wednesday | estimate | visit | morning | afternoon) | running <-> late | supposed <-> to <-> be <-> (here | picking | coming) | supposed <2> (come | here) | nobody <-> (showed | came | s <-> here | is <-> here) | between <-> (one | two | eight | nine | ten | eleven | noon) <2> (three | four | ten | noon | eleven | twelve | one) | took <2> off <-> work | took <3> day <-> off | what <-> time <2> (coming | y | your | are) | your <-> (estimator | tech) <3> (coming | tomorrow)',
    Complaint:
      'complaint | unhappy | disappointed | unacceptable | scratched | dented | broke <3> (vase | dish | my) | leaving <-> a <-> review | bad <-> review | third <-> time | second <-> time <2> (called | calling) | attorney | small <-> claims | better <-> business | not <-> happy | speak <3> (supervisor | manager) & (crew | job | your) | ruined <3> (my | crew) | workmanship | mud:A & stairs',
    'Praise or small talk':
      'sweetheart | sweet <-> as | pound <-> cake | five <-> out | compliment | (wanted <-> to <-> (say | thank)) | did <-> (a <-> (great | wonderful | good) | great) <-> job | thank <-> you <-> card | everything <-> s <-> great | left <2> (jacket | hat | phone | keys | ladder | tool | tools | cup | thermos | gloves | drill | coat) | his <-> (jacket | phone | hat)',
    Delivery:
      '(delivery | deliver | delivering | delivered | pallet | skid | freight | driver | flatbed | shipment | package | parcel | courier | dock | forklift | liftgate | truck <2> (gate | out <-> front) | gate | bill <-> of <-> lading) & (gate | dock | forklift | sign | locked | pallet | skid | drums | pails | warehouse | out <-> front | unload | address | boxes | order | reschedule)',
    'Vendor or trade of ours':
      '(rental <-> yard | lumber <-> yard | will <-> call | your <-> order | order:A <2> (ready | here | in | number) | parts <-> (counter | department) | ready <-> for <-> pickup | due <-> back | permit:A | inspector:A <2> building | permit <-> office | plans <-> examiner | engineer:A <2> (stamped | drawings | shoring)) | purchase <-> order | site <-> super',
    'Rents or buys a machine':
      '(rent | rental | rentals | renting | borrow | buy) <4> (dehumidifier | dehumidifiers | fan | fans | machine | machines | ozone | equipment | air <-> scrubber | blower | moisture <-> meter) | don:D <-> t:D <-> rent:D | rent:D <-> equipment:D | do:D <-> rentals:D',
    'Routine cleaning':
      '(carpet | carpets | rug | rugs | sofa | sectional | upholstery | couch | duct | ducts | windows | gutters | pressure <-> wash | maid | housekeeping | office) & (cleaned | cleaning | clean | shampoo | steam) & (nothing | only | just | routine | regular | how <-> much | coupon | stain | pet | dog | not <-> flooded) | maid <-> service | gutter | gutters | pressure <-> (wash | washing)',
    'School project or survey':
      'school <-> project | paper:A <2> (on | about | due) | thesis | student:A <3> (doing | working | writing) | interview:A <3> (somebody | someone | you) | newspaper | journalist | documentary | homework | science <-> fair | museum',
    'Hours or directions':
      'what <-> (time | hours | are <-> your <-> hours) <3> (open | close | you | till) | are <-> you <-> (open | guys <-> open | hiring) | your <-> hours | open <-> (on | till | saturday | sundays | christmas | holiday) | where <-> are <-> you <-> (located | at) | your <-> address | the <-> building <-> by',
    'Nobody speaks':
      '(hello:D & (hear:D | anyone:D | anybody:D | there:D <-> (anyone | somebody))) | can <-> t <-> hear <-> you | hang:D <-> up:D | hanging:D <-> up:D | background | static | silence | inaudible | breathing:A <-> noise | (no <-> (response | answer | speech)) | call <-> us <-> back',
    'A general question':
      '(not <-> a <-> customer) | did <-> (somebody | someone | you) <2> call | missed <-> (a <-> call | call) | returning <-> (a | your) <-> call | difference <-> between | settle <3> (bet | argument) | permit <3> (take | remove) | are <-> you <-> the <-> (ones | guys | same)',
    'Public official':
      '(fire <-> marshal | building <-> department | permit <-> office | health <-> department | inspector | code <-> enforcement | township | municipal | osha | city <-> of) & (permit | violation | form | inspection | application | portal | missing | license | contractor <-> license | notice)',
  }),
];
